"""A shopper's own orders: those of the member's row, never those that merely carry the address."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema

from retention.api.base import Detail, Listing, Mine
from retention.api.filters import FilterSet, Moment, Text
from retention.api.orders import MyOrder, whole
from retention.models import Order


class OrderFilter(FilterSet):
    placed_from = Moment("placed_at", lookup_expr="gte")
    placed_before = Moment("placed_at", lookup_expr="lt")
    number = Text()

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()


@extend_schema(summary="My orders, latest first")
class Orders(Listing, Mine):
    queryset = whole()
    serializer_class = MyOrder
    filterset_class = OrderFilter
    ordering = ("-placed_at", "-pk")


@extend_schema(summary="One of my orders")
class OrderDetail(Detail, Mine):
    queryset = whole()
    serializer_class = MyOrder
