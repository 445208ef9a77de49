"""Who stands in which tier, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from loyalty.models import Membership
from retention.admin.base import ReadOnlyAdmin


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("customer", "tier", "qualified_minor", "since")
    list_filter = ("tier",)
    list_select_related = ("customer", "tier")
    fields = ("whose", "tier", "qualified_minor", "since")
    readonly_fields = ("whose",)
    search_fields = ("=customer__id",)
    date_hierarchy = "since"
    ordering = ("-since", "pk")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, membership: Membership) -> str:
        url = reverse("admin:retention_customer_change", args=[membership.customer_id])
        return format_html('<a href="{}">{}</a>', url, membership.customer)
