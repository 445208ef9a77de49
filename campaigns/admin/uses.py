"""Uses of coupons, and what was refused: ledgers to look at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from campaigns.admin import links
from campaigns.models import Redemption, Rejection
from retention.admin.base import ReadOnlyAdmin, ReadOnlyInline
from retention.models import Order
from retention.money import show

LATEST = 50
"""Rows that a coupon's page shows; a shared code may have many thousands."""


class LatestFormSet(forms.BaseInlineFormSet):
    def get_queryset(self) -> Any:
        if not hasattr(self, "_latest"):
            self._latest = super().get_queryset()[:LATEST]
        return self._latest


def with_orders(rows: QuerySet[Redemption]) -> QuerySet[Any]:
    """Add the order that has each use, as ``order_link`` shows it."""
    orders = Order.objects.filter(reference=OuterRef("order"))
    return rows.annotate(order_pk=Subquery(orders.values("pk")[:1]), order_number=Subquery(orders.values("number")[:1]))


class Uses:
    """Columns of a use."""

    @admin.display(description=_("order"), ordering="order")
    def order_link(self, use: Any) -> Any:
        if not use.order_pk:
            return use.order or "–"
        url = reverse("admin:retention_order_change", args=[use.order_pk])
        return format_html('<a href="{}">{}</a>', url, use.order_number)

    @admin.display(description=_("discount"), ordering="discount_minor")
    def discount(self, use: Redemption) -> str:
        return show(use.discount_minor, use.currency) if use.currency else ""

    @admin.display(description=_("customer"), ordering="customer")
    def who(self, use: Redemption) -> Any:
        return links.customer(use.customer) if use.customer else "–"


class UseInline(Uses, ReadOnlyInline):
    model = Redemption
    formset = LatestFormSet
    verbose_name_plural = _("uses, the latest first")
    fields = ("state", "order_link", "discount", "who", "cart", "reason", "reserved_at", "committed_at", "released_at")
    readonly_fields = fields
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_orders(super().get_queryset(request).select_related("customer"))


class RefusalInline(ReadOnlyInline):
    model = Rejection
    formset = LatestFormSet
    verbose_name_plural = _("refusals, the latest first")
    fields = ("at", "reason", "detail", "where", "cart")
    readonly_fields = fields
    ordering = ("-at", "-pk")


@admin.register(Redemption)
class RedemptionAdmin(Uses, ReadOnlyAdmin):
    list_display = ("coupon", "offer", "who", "state", "order_link", "discount", "reserved_at", "committed_at")
    list_filter = ("state", "reason", "offer")
    search_fields = ("coupon__code", "order", "cart", "=customer__pk")
    ordering = ("-pk",)
    list_select_related = ("coupon", "offer", "customer")

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_orders(super().get_queryset(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        known = lookup in ("coupon__id__exact", "coupon__batch__id__exact")
        return known or super().lookup_allowed(lookup, value, request)


@admin.register(Rejection)
class RejectionAdmin(ReadOnlyAdmin):
    list_display = ("at", "coupon", "reason", "detail", "where", "cart")
    list_filter = ("reason", "where", "coupon__offer")
    search_fields = ("coupon__code", "cart")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    list_select_related = ("coupon",)
