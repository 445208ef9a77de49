"""What the shop told us, and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retention.admin.base import ReadOnlyAdmin, may
from retention.models import Signal
from retention.services import drain


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    list_display = ("pk", "kind", "reference", "created_at", "drained_at", "outcome", "tries", "retry_at")
    list_filter = ("outcome", "kind")
    search_fields = ("reference", "external_id")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    actions = ("read_again",)
    has_retry_permission = may("retention.change_signal")

    @admin.action(description=_("Read again"), permissions=["retry"])
    def read_again(self, request: HttpRequest, chosen: Any) -> None:
        """Let the next drain read the orders that these signals name."""
        for signal in chosen:
            drain.retry(signal)
        words = ngettext("%d signal will be read again.", "%d signals will be read again.", len(chosen))
        self.message_user(request, words % len(chosen))
