"""Points accounts and the ledger, for staff; and a correction by hand."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.conf import conf
from loyalty.models import Account, Entry
from loyalty.services import corrections, points
from retention.api.base import Detail, Listing, Staff
from retention.api.errors import Conflict, KeyReused
from retention.api.filters import Choice, FilterSet, Id, Moment, Text
from retention.models import Customer


class HoldsNoPoints(Conflict):
    default_code = "holds_no_points"
    default_detail = _("A guest holds no points: the customer needs an account in the shop.")


class HasLeft(Conflict):
    default_code = "has_left"
    default_detail = _("The customer has left the programme. Only they can come back.")


class AccountOut(serializers.ModelSerializer[Account]):
    class Meta:
        model = Account
        fields = ("customer", "balance", "pending", "owed", "left_at", "created_at")
        read_only_fields = fields
        ref_name = "PointsAccount"


class EntryOut(serializers.ModelSerializer[Entry]):
    customer = serializers.IntegerField(source="account.customer_id", read_only=True)
    rate = serializers.DecimalField(max_digits=12, decimal_places=4, read_only=True, allow_null=True)
    breakdown = serializers.DictField(read_only=True, help_text="How the number came about.")

    class Meta:
        model = Entry
        fields = (
            "id", "customer", "kind", "bucket", "points", "balance_after", "order", "currency", "rate", "breakdown",
            "source", "opens_at", "at",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "PointsEntry"


class AccountFilter(FilterSet):
    customer = Id("customer_id")
    balance_min = Id("balance", lookup_expr="gte")
    pending_min = Id("pending", lookup_expr="gte")
    owed_min = Id("owed", lookup_expr="gte")

    class Meta:
        model = Account
        fields: tuple[str, ...] = ()


class EntryFilter(FilterSet):
    customer = Id("account__customer_id")
    order = Text()
    kind = Choice(choices=Entry.Kind.choices)
    bucket = Choice(choices=Entry.Bucket.choices)
    source = Text()
    at_from = Moment("at", lookup_expr="gte")
    at_before = Moment("at", lookup_expr="lt")

    class Meta:
        model = Entry
        fields: tuple[str, ...] = ()


@extend_schema(summary="Points accounts, newest first")
class Accounts(Listing, Staff):
    queryset = Account.objects.all()
    serializer_class = AccountOut
    filterset_class = AccountFilter
    needs = {"GET": "retention_loyalty.view_account"}


@extend_schema(summary="A customer's points account")
class AccountDetail(Detail, Staff):
    queryset = Account.objects.all()
    serializer_class = AccountOut
    lookup_field = "customer"
    needs = {"GET": "retention_loyalty.view_account"}


@extend_schema(summary="The ledger, newest first")
class Entries(Listing, Staff):
    queryset = Entry.objects.select_related("account")
    serializer_class = EntryOut
    filterset_class = EntryFilter
    needs = {"GET": "retention_loyalty.view_entry"}


class CorrectionIn(serializers.Serializer[Any]):
    points = serializers.IntegerField(help_text="Above zero gives, below zero takes.")
    reason = serializers.CharField(max_length=200, help_text="Kept with your name; the customer can ask for it.")

    def validate_points(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError(_("Not zero."), code="zero")
        if abs(value) > conf.ADJUST_MAX:
            message = _("One correction moves at most %(most)s points.") % {"most": conf.ADJUST_MAX}
            raise serializers.ValidationError(message, code="too_much")
        return value


class Correct(Staff):
    queryset = Customer.objects.living()
    serializer_class = EntryOut
    lookup_url_kwarg = "customer"
    filter_backends = ()
    needs = {"POST": "retention_loyalty.adjust_points"}

    @extend_schema(
        summary="Give or take points by hand",
        description="Send an Idempotency-Key, so that a request that is sent twice is one correction.",
        request=CorrectionIn,
        responses={201: EntryOut},
    )
    def post(self, request: Request, customer: int) -> Response:
        person = self.get_object()
        asked = CorrectionIn(data=request.data)
        asked.is_valid(raise_exception=True)
        key = request.headers.get("Idempotency-Key") or uuid.uuid4().hex
        try:
            entry = corrections.correct(
                person,
                amount=asked.validated_data["points"],
                reason=asked.validated_data["reason"],
                author=request.user.get_username(),
                key=f"api:{request.user.pk}:{key}",
                at=timezone.now(),
            )
        except corrections.HasLeft:
            raise HasLeft from None
        except corrections.HoldsNoPoints:
            raise HoldsNoPoints from None
        except points.KeyReused:
            raise KeyReused from None
        if entry is None:  # the same, from before the answer to this key was forgotten
            raise KeyReused
        return Response(self.get_serializer(entry).data, status=201)
