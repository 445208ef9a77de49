"""The ledger, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from loyalty import explain
from loyalty.models import Entry
from retention.admin.base import ReadOnlyAdmin


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "account", "kind", "bucket", "points", "balance_after", "order", "source")
    list_filter = ("kind", "bucket")
    list_select_related = ("account",)
    fields = (
        "whose", "at", "kind", "bucket", "points", "balance_after", "order", "how", "basis_minor", "currency", "rate",
        "opens_at", "breakdown", "source", "why", "key",
    )  # fmt: skip
    readonly_fields = ("whose", "how", "why")
    search_fields = ("=order", "=key")
    date_hierarchy = "at"
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, entry: Entry) -> str:
        url = reverse("admin:retention_customer_change", args=[entry.account.customer_id])
        return format_html('<a href="{}">{}</a>', url, entry.account)

    @admin.display(description=gettext_lazy("how the number came about"))
    def how(self, entry: Entry) -> str:
        return explain.calculation(entry)

    @admin.display(description=gettext_lazy("reason and author"))
    def why(self, entry: Entry) -> str:
        correction = getattr(entry, "correction", None)
        return f"{correction.reason} ({correction.author})" if correction else ""
