"""The log of what happened, how far each subscriber is, and what could not be taken."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retention.admin.base import ReadOnlyAdmin, may
from retention.models import Fact, Heartbeat, Job, ParkedFact, Subscription
from retention.services import facts


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    list_display = ("pk", "kind", "customer", "happened_at", "position")
    list_filter = ("kind",)
    search_fields = ("=customer", "=pk")
    date_hierarchy = "happened_at"
    ordering = ("-pk",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("name", "position", "moved_at")
    ordering = ("name",)


@admin.register(ParkedFact)
class ParkedFactAdmin(ReadOnlyAdmin):
    list_display = ("fact", "subscriber", "parked_at", "tries", "resolved_at")
    list_filter = ("subscriber", ("resolved_at", admin.EmptyFieldListFilter))
    ordering = ("-parked_at",)
    list_select_related = ("fact",)
    actions = ("try_again",)
    has_retry_permission = may("retention.change_parkedfact")

    @admin.action(description=_("Try again"), permissions=["retry"])
    def try_again(self, request: HttpRequest, chosen: Any) -> None:
        """Give each chosen fact to its subscriber again."""
        taken = sum(facts.retry(parked, at=timezone.now()) for parked in chosen)
        left = len(chosen) - taken
        if taken:
            self.message_user(request, ngettext("%d fact taken.", "%d facts taken.", taken) % taken)
        if left:
            words = ngettext("%d fact still fails.", "%d facts still fail.", left) % left
            self.message_user(request, words, level=messages.WARNING)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "at", "took_ms", "did", "error")
    ordering = ("name",)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "state", "done", "total", "started_at", "moved_at")
    list_filter = ("kind", "state")
    ordering = ("-started_at",)
