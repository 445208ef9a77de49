"""Orders as the shop has them, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from retention.admin.base import ReadOnlyAdmin, ReadOnlyInline
from retention.models import Order, OrderCoupon, OrderLine, Refund
from retention.money import show


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = ("title", "product", "quantity", "list_minor", "amount_minor")


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ("reference", "amount_minor", "at")


class CouponInline(ReadOnlyInline):
    model = OrderCoupon
    fields = ("code", "discount_minor")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "placed_at", "customer", "total", "refunded", "host_status", "cancelled_at", "history")
    list_filter = ("host_status", "history", "currency", "country")
    search_fields = ("number", "reference", "coupons__code")
    date_hierarchy = "placed_at"
    ordering = ("-placed_at",)
    list_select_related = ("customer",)
    inlines = (LineInline, RefundInline, CouponInline)
    exclude = ("email", "postcode")

    @admin.display(description=_("total"), ordering="total_minor")
    def total(self, order: Order) -> str:
        return show(order.total_minor, order.currency)

    @admin.display(description=_("refunded"), ordering="refunded_minor")
    def refunded(self, order: Order) -> str:
        return show(order.refunded_minor, order.currency) if order.refunded_minor else ""
