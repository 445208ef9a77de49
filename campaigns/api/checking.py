"""What a basket would cost with some codes, and why one is not taken: the exact reason, which shoppers are not told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import reasons
from campaigns.api import baskets
from campaigns.api.tries import Tries
from campaigns.models import Coupon, Rejection
from campaigns.reasons import Reason, Refusal
from campaigns.services import guesses, rejections, till
from retention import typed
from retention.api import throttles
from retention.shop import CouponRejected


class CheckIn(baskets.BasketIn):
    code = serializers.CharField(max_length=typed.LONGEST, required=False, help_text="As the shopper typed it.")
    codes = baskets.code_list(required=False, help_text="Instead of one code: all that are to be used together.")

    class Meta:
        ref_name = "CouponCheckRequest"

    def validate_codes(self, values: list[str]) -> Any:
        return baskets.distinct(values)

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if ("code" in said) == ("codes" in said):
            raise serializers.ValidationError(_("Say either code or codes."), code="code_or_codes")
        return super().validate(said)


ONE = OpenApiExample(
    "One code, and all that is known is the worth of the goods",
    value={"code": "THANKS-AB12CD34EF56", "currency": "EUR", "worth": "40.00", "email": "ada@example.com"},
    request_only=True,
)
MANY = OpenApiExample(
    "A basket of two cups at a reduced price, with two codes",
    value={
        "codes": ["THANKS-AB12CD34EF56", "SHIPFREE"],
        "currency": "EUR",
        "lines": [{"product": "5", "quantity": 2, "price": "40.00", "now": "36.00", "categories": ["cups"]}],
        "shipping": "4.00",
        "email": "ada@example.com",
        "cart": "c-1001",
        "origin": "203.0.113.9",
    },
    request_only=True,
)
ANSWER = OpenApiExample(
    "The first takes a tenth off, the second has expired",
    value={
        "taken": False,
        "reason": "expired",
        "detail": "The coupon has expired.",
        "coupons": [
            {
                "code": "THANKS-AB12CD34EF56", "taken": True, "reason": "", "detail": "", "later": False,
                "discount": "3.60", "lines": ["3.60"], "shipping": "0.00",
            },
            {
                "code": "SHIPFREE", "taken": False, "reason": "expired", "detail": "The coupon has expired.",
                "later": False, "discount": "0.00", "lines": [], "shipping": "0.00",
            },
        ],
        "currency": "EUR", "lines": ["32.40"], "goods": "32.40", "shipping": "4.00", "total": "36.40",
        "discount": "3.60", "until": None,
    },
    response_only=True,
)  # fmt: skip


class CouponCheck(Tries):
    queryset = Coupon.objects.none()
    serializer_class = baskets.QuoteOut
    throttle_classes = (throttles.Events,)
    needs = {"POST": "retention_campaigns.redeem_coupon"}

    @extend_schema(
        summary="What this basket would cost with these codes, and why one is not taken",
        description="Reserves nothing. With the shopper's `origin` or `session`, tries are counted before a code is "
        "looked up, and who tries too often gets 429 `too_many_tries` for a while. What is taken off is the same "
        "whatever order the codes are in.",
        request=CheckIn,
        responses=baskets.QuoteOut,
        examples=[ONE, MANY, ANSWER],
    )
    def post(self, request: Request) -> Response:
        asked = CheckIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, now = asked.validated_data, timezone.now()
        sent = said.get("codes", [said.get("code", "")])
        quote = till.quote(baskets.basket_of(said), sent, at=now)
        final = [refusal for refusal in quote.refused if refusal.reason not in reasons.LATER]
        # staff who ask for themselves are no case for themselves
        note(final if said["origin"] or said["session"] else (), cart=said["cart"], at=now)
        return Response(baskets.answer(quote, sent))


def note(refusals: Iterable[Refusal], *, cart: str, at: datetime) -> None:
    """Keep refusals for staff, and count codes that do not exist."""
    for refusal in refusals:
        if refusal.reason == Reason.UNKNOWN:
            guesses.count(refusal.code, at)
        else:
            rejected = CouponRejected(refusal.reason.value, code=refusal.code, detail=refusal.detail)
            rejections.note(rejected, Rejection.Where.API, cart, at)
