"""What our admin pages share: stock admin, or django-unfold's look where it is installed."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.module_loading import import_string

BASE: Any = import_string(
    "unfold.admin.ModelAdmin" if apps.is_installed("unfold") else "django.contrib.admin.ModelAdmin"
)
INLINE: Any = import_string(
    "unfold.admin.TabularInline" if apps.is_installed("unfold") else "django.contrib.admin.TabularInline"
)


def widget(theme: str, stock: Any) -> Any:
    """Return the theme's widget of this name where it is installed, for fields that a form declares itself."""
    return import_string(f"unfold.widgets.{theme}") if apps.is_installed("unfold") else stock


class Admin(BASE):
    """A page that staff may edit."""

    save_on_top = False
    show_full_result_count = False


class ReadOnlyAdmin(Admin):
    """A page of what happened: to look at, with actions that call the services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(INLINE):
    """Rows below their parent, to look at."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def may(permission: str) -> Any:
    """Return a ``has_…_permission`` method that asks for one permission."""

    def check(self: admin.ModelAdmin[Any], request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(permission)

    return check
