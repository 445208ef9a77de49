"""Who stands in which tier, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from loyalty import tier_words
from loyalty.models import Membership
from retention.admin.base import ReadOnlyAdmin


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("customer", "tier", "counts", "since", "held_until")
    list_filter = ("tier",)
    list_select_related = ("customer", "tier__table")
    fields = ("whose", "tier", "counts", "since", "held_until")
    readonly_fields = ("whose", "counts")
    search_fields = ("=customer__id",)
    date_hierarchy = "since"
    ordering = ("-since", "pk")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, membership: Membership) -> str:
        url = reverse("admin:retention_customer_change", args=[membership.customer_id])
        return format_html('<a href="{}">{}</a>', url, membership.customer)

    @admin.display(description=gettext_lazy("what counts"), ordering="qualified_minor")
    def counts(self, membership: Membership) -> str:
        if membership.tier is None:  # nothing says in what it is counted
            return str(membership.qualified_minor)
        table = membership.tier.table
        return tier_words.amount(membership.qualified_minor, metric=table.metric, currency=table.currency)
