"""Coupons, for staff: look, call off, give another last day or a new code."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.coupons import AnyCoupon, UsableFilter
from campaigns.models import Coupon
from campaigns.services import coupons, extending, replacing
from retention.api.base import Detail, Listing, Staff
from retention.api.errors import Conflict
from retention.api.filters import Choice, Id, Moment, Text


class CalledOff(Conflict):
    default_code = "already_void"
    default_detail = _("The coupon was called off before.")


class BeginsLater(Conflict):
    default_code = "begins_later"
    default_detail = _("The coupon begins only after that day.")


class NothingLeft(Conflict):
    default_code = "nothing_left"
    default_detail = _("The coupon was called off, is used up or has expired: there is nothing to put into a new code.")


class CouponFilter(UsableFilter):
    code = Text()
    customer = Id("customer_id")
    offer = Text("offer__slug")
    state = Choice(choices=Coupon.State.choices)
    source = Text()
    order = Text()
    used_by_order = Text("redemptions__order")
    batch = Id("batch_id")
    replaces = Id("replaces_id")
    issued_from = Moment("issued_at", lookup_expr="gte")
    issued_before = Moment("issued_at", lookup_expr="lt")

    class Meta:
        model = Coupon
        fields: tuple[str, ...] = ()


ROWS = Coupon.objects.select_related("offer", "version", "replaced_by").prefetch_related("redemptions")


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


class LastDay(serializers.Serializer[Any]):
    until = serializers.DateField(help_text="The new last day, in the shop's zone; the coupon is good to its end.")


class CouponExtend(Staff):
    queryset = ROWS
    serializer_class = AnyCoupon
    needs = {"POST": "retention_campaigns.extend_coupon"}

    @extend_schema(
        summary="Give a coupon another last day, here and in the shop",
        description="Later or earlier than now, but not in the past. One that has expired is good again.",
        request=LastDay,
        responses=AnyCoupon,
    )
    def post(self, request: Request, pk: int) -> Response:
        coupon = self.get_object()
        asked = LastDay(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            done = extending.extend([coupon], until=asked.validated_data["until"], at=timezone.now())
        except extending.Past:
            raise _wrong_day(_("This day is over."), "past") from None
        except extending.TooFar:
            raise _wrong_day(_("This day is too far away."), "too_far") from None
        if not done:
            coupon.refresh_from_db()
            raise CalledOff if coupon.state == Coupon.State.VOID else BeginsLater
        return Response(self.get_serializer(self.get_object()).data)


def _wrong_day(words: Any, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({"until": [ErrorDetail(str(words), code=code)]})


class CouponReissue(Staff):
    queryset = ROWS
    serializer_class = AnyCoupon
    needs = {"POST": "retention_campaigns.extend_coupon"}

    @extend_schema(
        summary="Call a coupon off and give its owner a new code",
        description="For a code that was lost or that others have got. Answers the new coupon: the same owner, terms, "
        "last day and uses left. Asked again, it answers the same one. Nobody is written to.",
        request=None,
        responses=AnyCoupon,
    )
    def post(self, request: Request, pk: int) -> Response:
        try:
            made = replacing.reissue(self.get_object(), source=f"staff:{request.user.pk}", at=timezone.now())
        except replacing.NothingLeft:
            raise NothingLeft from None
        return Response(self.get_serializer(ROWS.get(pk=made.pk)).data)
