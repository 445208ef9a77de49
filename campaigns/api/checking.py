"""Why a code would not be taken: the exact reason, which shoppers are not told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.numbers import is_currency
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import queries, reasons
from campaigns.api.tries import TriedIn, Tries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon
from campaigns.services import checking, codes, guesses
from retention import typed
from retention.money import to_minor


class CheckIn(TriedIn):
    code = serializers.CharField(max_length=typed.LONGEST, help_text="As the shopper typed it.")
    currency = serializers.CharField(min_length=3, max_length=3)
    worth = serializers.DecimalField(
        max_digits=14, decimal_places=3, min_value=Decimal(0), help_text="Of the goods, before discounts."
    )
    email = serializers.CharField(max_length=254, allow_blank=True, default="", help_text="Who shops.")
    cart = serializers.CharField(max_length=128, allow_blank=True, default="", help_text="The shop's reference.")

    def validate_currency(self, value: str) -> str:
        if not is_currency(value):
            raise serializers.ValidationError(_("There is no such currency."), code="currency")
        return value


class CheckOut(serializers.Serializer[Any]):
    taken = serializers.BooleanField()
    reason = serializers.CharField(
        allow_blank=True, help_text="Empty, or one of: " + ", ".join(f"`{code}`" for code in reasons.Reason.values)
    )
    detail = serializers.CharField(allow_blank=True)


class CouponCheck(Tries):
    queryset = Coupon.objects.none()
    serializer_class = CheckOut
    needs = {"POST": "retention_campaigns.view_coupon"}

    @extend_schema(
        summary="Would this basket get this coupon, and if not, why",
        description="Reserves nothing. With the shopper's `origin` or `session`, tries are counted before the code is "
        "looked up, and who tries too often gets 429 `too_many_tries` for a while.",
        request=CheckIn,
        responses=CheckOut,
    )
    def post(self, request: Request) -> Response:
        asked = CheckIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        basket = Basket(
            reference=said["cart"],
            currency=said["currency"],
            lines=(Line(product="", price=to_minor(said["worth"], said["currency"])),),
            email=said["email"],
            user_id=None,
        )
        code, now = codes.normal(said["code"]), timezone.now()
        coupon = queries.by_code([code], cart=said["cart"]).first()
        if coupon is None:
            guesses.count(code, now)
            return Response(_refused(reasons.Reason.UNKNOWN))
        refusal = checking.check([coupon], basket=basket, at=now).get(coupon.pk)
        return Response(
            _refused(refusal.reason, refusal.detail) if refusal else {"taken": True, "reason": "", "detail": ""}
        )


def _refused(reason: reasons.Reason, detail: str = "") -> dict[str, Any]:
    return {"taken": False, "reason": reason.value, "detail": detail or str(reason.label)}
