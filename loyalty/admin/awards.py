"""Points of orders, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from loyalty.models import OrderAward
from retention.admin.base import ReadOnlyAdmin


@admin.register(OrderAward)
class OrderAwardAdmin(ReadOnlyAdmin):
    list_display = ("order", "account", "currency", "rate_points", "earned", "pending", "balance", "opens_at")
    list_filter = ("currency", "refund_policy")
    list_select_related = ("account",)
    search_fields = ("=order",)
    date_hierarchy = "settled_at"
    ordering = ("-pk",)
    readonly_fields = ("entries",)

    @admin.display(description=gettext_lazy("entries"))
    def entries(self, award: OrderAward) -> str:
        url = reverse("admin:retention_loyalty_entry_changelist")
        return format_html('<a href="{}?q={}">{}</a>', url, award.order, gettext_lazy("entries of this order"))
