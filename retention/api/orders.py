"""Orders as the API shows them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from retention.api.fields import Money, Personal
from retention.models import Order, OrderCoupon, OrderLine, Refund

SHARED = (
    "id", "reference", "number", "host_status", "currency", "items", "shipping", "tax", "total", "refunded",
    "points_spent", "placed_at", "paid_at", "fulfilled_at", "delivered_at", "cancelled_at",
    "lines", "refunds", "coupons",
)  # fmt: skip


class Line(serializers.ModelSerializer[OrderLine]):
    amount = Money("amount_minor", currency="order.currency")
    list_price = Money("list_minor", currency="order.currency")

    class Meta:
        model = OrderLine
        fields = ("reference", "product", "title", "quantity", "list_price", "amount")
        ref_name = "OrderLine"


class RefundOut(serializers.ModelSerializer[Refund]):
    amount = Money("amount_minor", currency="order.currency")

    class Meta:
        model = Refund
        fields = ("reference", "amount", "at")
        ref_name = "OrderRefund"


class CouponUse(serializers.ModelSerializer[OrderCoupon]):
    discount = Money("discount_minor", currency="order.currency")

    class Meta:
        model = OrderCoupon
        fields = ("code", "discount")
        ref_name = "OrderCoupon"


class MyOrder(serializers.ModelSerializer[Order]):
    """An order for who placed it."""

    items = Money("items_minor")
    shipping = Money("shipping_minor")
    tax = Money("tax_minor")
    total = Money("total_minor")
    refunded = Money("refunded_minor")
    lines = Line(many=True, read_only=True)
    refunds = RefundOut(many=True, read_only=True)
    coupons = CouponUse(many=True, read_only=True)

    class Meta:
        model = Order
        fields: Any = SHARED
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "points_spent": {
                "help_text": "Points of the shop's own that paid for it; points of loyalty are among its coupons."
            }
        }
        ref_name = "MyOrder"


class AnyOrder(MyOrder):
    """An order for staff."""

    email = Personal()
    postcode = Personal()

    class Meta(MyOrder.Meta):
        fields = (
            *SHARED, "customer", "email", "postcode", "language", "country", "site_id", "history", "final",
            "first_seen_at", "read_at",
        )  # fmt: skip
        ref_name = "Order"


def whole() -> QuerySet[Order]:
    """Return orders with all that an answer shows, in four queries however many there are."""
    return Order.objects.prefetch_related("lines", "refunds", "coupons")
