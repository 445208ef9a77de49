"""Orders, for staff."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema

from retention.api.base import Detail, Listing, Staff
from retention.api.filters import Id, Moment, Text, Yes
from retention.api.me.orders import OrderFilter
from retention.api.orders import AnyOrder, whole
from retention.models import Order


class AnyOrderFilter(OrderFilter):
    customer = Id("customer_id")
    reference = Text()
    host_status = Text()
    currency = Text()
    country = Text()
    coupon = Text("coupons__code")
    site = Id("site_id")
    cancelled = Yes("cancelled_at", lookup_expr="isnull", exclude=True)
    history = Yes()
    read_from = Moment("read_at", lookup_expr="gte")

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()


@extend_schema(summary="Orders, latest first")
class Orders(Listing, Staff):
    queryset = whole()
    serializer_class = AnyOrder
    filterset_class = AnyOrderFilter
    ordering = ("-placed_at", "-pk")
    needs = {"GET": "retention.view_order"}


@extend_schema(summary="One order")
class OrderDetail(Detail, Staff):
    queryset = whole()
    serializer_class = AnyOrder
    needs = {"GET": "retention.view_order"}
