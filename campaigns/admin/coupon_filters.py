"""Filters of the list of coupons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import standing
from campaigns.standing import Standing


class StandingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Standing.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return queryset.filter(standing.where(wanted, at=timezone.now())) if wanted in Standing.values else queryset


KINDS = {
    "personal": (_("personal"), Q(customer__isnull=False)),
    "shared": (_("shared by many"), Q(customer=None, batch=None)),
    "batch": (_("made in bulk"), Q(batch__isnull=False)),
    "instead": (_("instead of another"), Q(replaces__isnull=False)),
}
"""Value → what it is called, and which coupons it means."""


class KindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(value, label) for value, (label, _where) in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return queryset.filter(KINDS[wanted][1]) if wanted in KINDS else queryset
