"""Who may: a signed-in shopper their own things, staff what their permissions name."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

PERSONAL = "retention.view_personal_data"


class IsSignedIn(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.is_authenticated


class IsStaff(BasePermission):
    """Staff who have the permission that the view's ``needs`` names for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        if not (user.is_authenticated and user.is_staff):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(view, method.lower()):
            return True  # there is nothing to allow: 405
        return user.has_perm(view.needs[method])


def sees_personal_data(request: Request) -> bool:
    """Whether the caller may see addresses and names."""
    return request.user.has_perm(PERSONAL)
