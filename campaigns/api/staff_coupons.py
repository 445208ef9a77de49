"""Coupons, for staff: look, call off, ask why one is not taken."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.coupons import AnyCoupon, UsableFilter
from campaigns.models import Coupon
from campaigns.services import coupons
from retention.api.base import Detail, Listing, Staff
from retention.api.errors import Conflict
from retention.api.filters import Choice, Id, Moment, Text


class CalledOff(Conflict):
    default_code = "already_void"
    default_detail = _("The coupon was called off before.")


class CouponFilter(UsableFilter):
    code = Text()
    customer = Id("customer_id")
    offer = Text("offer__slug")
    state = Choice(choices=Coupon.State.choices)
    source = Text()
    order = Text()
    used_by_order = Text("redemptions__order")
    issued_from = Moment("issued_at", lookup_expr="gte")
    issued_before = Moment("issued_at", lookup_expr="lt")

    class Meta:
        model = Coupon
        fields: tuple[str, ...] = ()


ROWS = Coupon.objects.select_related("offer", "version").prefetch_related("redemptions")


@extend_schema(summary="Coupons, latest first")
class Coupons(Listing, Staff):
    queryset = ROWS
    serializer_class = AnyCoupon
    filterset_class = CouponFilter
    ordering = ("-issued_at", "-pk")
    needs = {"GET": "retention_campaigns.view_coupon"}


@extend_schema(summary="One coupon")
class CouponDetail(Detail, Staff):
    queryset = ROWS
    serializer_class = AnyCoupon
    needs = {"GET": "retention_campaigns.view_coupon"}


class Reason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="For staff.")


class CouponVoid(Staff):
    queryset = ROWS
    serializer_class = AnyCoupon
    needs = {"POST": "retention_campaigns.void_coupon"}

    @extend_schema(
        summary="Call a coupon off, here and in the shop",
        description="Orders that used it keep their discount.",
        request=Reason,
        responses=AnyCoupon,
    )
    def post(self, request: Request, pk: int) -> Response:
        coupon = self.get_object()
        asked = Reason(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = f"by staff {request.user.pk}: {asked.validated_data['reason']}".removesuffix(": ")
        if not coupons.void([coupon], reason=reason, at=timezone.now()):
            raise CalledOff
        return Response(self.get_serializer(self.get_object()).data)
