"""Recovery cases, for staff: look, and open one."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import RecoveryCase
from campaigns.services import cases
from retention.api.base import Detail, Listing, Staff
from retention.api.filters import Choice, FilterSet, Id, Moment, Text
from retention.api.paging import LARGEST_ID
from retention.models import Customer


class CaseOut(serializers.ModelSerializer[RecoveryCase]):
    class Meta:
        model = RecoveryCase
        fields = (
            "id", "customer", "order", "source", "answer", "state", "priority", "owner", "due_at", "opened_at",
            "solved_at", "outcome", "leaving",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "Case"


class CaseIn(serializers.Serializer[Any]):
    customer = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    order = serializers.CharField(max_length=128, allow_blank=True, default="")
    note = serializers.CharField(max_length=5000, allow_blank=True, default="")


class CaseFilter(FilterSet):
    customer = Id("customer_id")
    order = Text()
    state = Choice(choices=RecoveryCase.State.choices)
    owner = Id("owner_id")
    due_before = Moment("due_at", lookup_expr="lt")

    class Meta:
        model = RecoveryCase
        fields: tuple[str, ...] = ()


class Cases(Listing, Staff):
    queryset = RecoveryCase.objects.all()
    serializer_class = CaseOut
    filterset_class = CaseFilter
    needs = {"GET": "retention_campaigns.view_recoverycase", "POST": "retention_campaigns.add_recoverycase"}

    @extend_schema(summary="Recovery cases, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(summary="Open a case for a customer; it is yours", request=CaseIn, responses={201: CaseOut})
    def post(self, request: Request) -> Response:
        asked = CaseIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        customer = Customer.objects.filter(pk=said["customer"], absorbed_into=None).first()
        if customer is None:
            raise serializers.ValidationError({"customer": [_("There is no such customer.")]}, code="does_not_exist")
        case = cases.open_by_staff(customer, by=request.user, note=said["note"], order=said["order"], at=timezone.now())
        return Response(self.get_serializer(case).data, status=201)


@extend_schema(summary="One recovery case")
class CaseDetail(Detail, Staff):
    queryset = RecoveryCase.objects.all()
    serializer_class = CaseOut
    needs = {"GET": "retention_campaigns.view_recoverycase"}
