"""Customers, for staff."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api.base import Detail, Listing, Staff
from retention.api.fields import Money, Personal
from retention.api.filters import Choice, FilterSet, Id, Moment, Text
from retention.api.me.consent import ConsentOut
from retention.api.permissions import sees_personal_data
from retention.models import Customer, Spend


class SpendOut(serializers.ModelSerializer[Spend]):
    net = Money("net_minor")

    class Meta:
        model = Spend
        fields = ("currency", "net")
        ref_name = "Spend"


class CustomerOut(serializers.ModelSerializer[Customer]):
    email = Personal()
    first_name = Personal()
    last_name = Personal()
    number = Personal()
    spends = SpendOut(many=True, read_only=True)
    consents = ConsentOut(many=True, read_only=True)

    class Meta:
        model = Customer
        fields = (
            "id", "kind", "user", "source", "number", "email", "first_name", "last_name", "language", "country",
            "address_proven_at", "absorbed_into", "created_at", "joined_at", "erased_at", "orders_count",
            "first_order_at", "last_order_at", "spends", "consents",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "Customer"


class CustomerFilter(FilterSet):
    kind = Choice(choices=Customer.Kind.choices)
    user = Id("user_id")
    language = Text()
    country = Text()
    created_from = Moment("created_at", lookup_expr="gte")
    created_before = Moment("created_at", lookup_expr="lt")
    ordered_from = Moment("last_order_at", lookup_expr="gte")
    ordered_before = Moment("last_order_at", lookup_expr="lt")
    orders_min = Id("orders_count", lookup_expr="gte")

    class Meta:
        model = Customer
        fields: tuple[str, ...] = ()


class Customers(Listing, Staff):
    queryset = Customer.objects.prefetch_related("spends", "consents")
    serializer_class = CustomerOut
    filterset_class = CustomerFilter
    needs = {"GET": "retention.view_customer"}

    @extend_schema(summary="Customers, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class CustomerDetail(Detail, Staff):
    queryset = Customer.objects.prefetch_related("spends", "consents")
    serializer_class = CustomerOut
    needs = {"GET": "retention.view_customer"}

    @extend_schema(summary="One customer")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class Wanted(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)


class CustomerSearch(Staff):
    queryset = Customer.objects.prefetch_related("spends", "consents")
    serializer_class = CustomerOut
    pagination_class = None
    filter_backends = ()
    needs = {"POST": "retention.view_customer"}

    @extend_schema(
        summary="Everybody with an address",
        description="A POST, so that no address stands in a URL or a log; it changes nothing. At most 200.",
        request=Wanted,
        responses=CustomerOut(many=True),
    )
    def post(self, request: Request) -> Response:
        if not sees_personal_data(request):
            raise PermissionDenied
        asked = Wanted(data=request.data)
        asked.is_valid(raise_exception=True)
        found = Customer.objects.at_address(asked.validated_data["email"])
        rows = self.get_queryset().filter(pk__in=found.order_by("-pk").values("pk")[:200]).order_by("-pk")
        return Response(self.get_serializer(rows, many=True).data)
