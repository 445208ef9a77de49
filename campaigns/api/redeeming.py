"""The calls of a checkout that has no vouchers: reserve before it takes money, commit with the order, release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import baskets, checking
from campaigns.api.tries import Tries
from campaigns.models import Coupon, Redemption
from campaigns.reasons import Refusal
from campaigns.services import codes, till
from retention.api import throttles
from retention.api.base import Staff
from retention.api.errors import Conflict, Error
from retention.api.fields import Money

NEEDS = {"POST": "retention_campaigns.redeem_coupon"}


class NotReserved(Conflict):
    default_code = "not_reserved"
    default_detail = _("This basket never reserved the code: reserve it, then commit again.")


class ReserveIn(baskets.BasketIn):
    cart = serializers.CharField(max_length=128, help_text="The shop's reference: what is reserved is this basket's.")
    codes = baskets.code_list(help_text="All that the basket is to hold; what it held of others is given back.")

    class Meta:
        ref_name = "CouponReserveRequest"

    def validate_codes(self, values: list[str]) -> Any:
        return baskets.distinct(values)


HELD = OpenApiExample(
    "A tenth off is held for half an hour",
    value={
        "taken": True, "reason": "", "detail": "",
        "coupons": [
            {
                "code": "THANKS-AB12CD34EF56", "taken": True, "reason": "", "detail": "", "later": False,
                "discount": "4.00", "lines": ["4.00"], "shipping": "0.00",
            }
        ],
        "currency": "EUR", "lines": ["36.00"], "goods": "36.00", "shipping": "4.00", "total": "40.00",
        "discount": "4.00", "until": "2026-03-02T13:30:00+01:00",
    },
    response_only=True,
    status_codes=["200"],
)  # fmt: skip
GONE = OpenApiExample(
    "Somebody else has used the last one meanwhile",
    value={
        "code": "used",
        "detail": "The coupon has been used.",
        "fields": {"codes.0": [{"code": "used", "message": "The coupon has been used."}]},
    },
    response_only=True,
    status_codes=["409"],
)
REFUSED = OpenApiResponse(
    Error,
    description="A code cannot be had, and nothing was reserved: `code` is the first one's reason, `fields` names each "
    f"by its place. One of: {baskets.REASONS}. Or `idempotency_in_progress`: ask again.",
)


class CouponReserve(Tries):
    queryset = Coupon.objects.none()
    serializer_class = baskets.QuoteOut
    throttle_classes = (throttles.Events,)
    needs = NEEDS

    @extend_schema(
        summary="Hold these codes for this basket, before it is paid",
        description="All or none, until the lease is over. The same basket again holds them for longer, at its present "
        "prices. Say who shops by `email` or `user`: that is how uses per person are counted.",
        request=ReserveIn,
        responses={200: baskets.QuoteOut, 409: REFUSED},
        examples=[HELD, GONE],
    )
    def post(self, request: Request) -> Response:
        asked = ReserveIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said, now = asked.validated_data, timezone.now()
        try:
            quote = till.reserve(baskets.basket_of(said), said["codes"], at=now)
        except till.Refused as no:
            checking.note(no.refusals, cart=said["cart"], at=now)
            return refused(no.refusals, said["codes"])
        return Response(baskets.answer(quote, said["codes"]))


class CommitIn(serializers.Serializer[Any]):
    order = serializers.CharField(max_length=128, help_text="The shop's reference, as the adapter says it.")
    cart = serializers.CharField(max_length=128, help_text="The basket that the order came of.")
    codes = baskets.code_list(help_text="What the order used; what else the basket holds is given back.")

    class Meta:
        ref_name = "CouponCommitRequest"

    def validate_codes(self, values: list[str]) -> Any:
        return baskets.distinct(values)


class UseOut(serializers.ModelSerializer[Redemption]):
    code = serializers.CharField(source="coupon.code", read_only=True)
    discount = Money("discount_minor")
    state = serializers.CharField(
        read_only=True,
        help_text="`committed`; `excess` where the lease was over and somebody else had the last use: the order keeps "
        "its discount, and staff see it; `released` where the order was called off.",
    )

    class Meta:
        model = Redemption
        fields = ("code", "state", "order", "discount", "currency")
        read_only_fields = fields
        ref_name = "CouponUse"


class CouponCommit(Staff):
    queryset = Redemption.objects.none()
    serializer_class = UseOut
    throttle_classes = (throttles.Events,)
    needs = NEEDS

    @extend_schema(
        summary="An order came of this basket, with these codes",
        description="Once per code and order, however often it is said. The order need not be known here yet. Codes "
        "that the basket never reserved are refused with 409 `not_reserved`, those that do not exist with 409 "
        "`unknown`, and nothing is committed then.",
        request=CommitIn,
        responses=UseOut(many=True),
        examples=[
            OpenApiExample(
                "An order of Ada's",
                value={"order": "100042", "cart": "c-1001", "codes": ["THANKS-AB12CD34EF56"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        asked = CommitIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        try:
            used = till.commit(order=said["order"], cart=said["cart"], typed=said["codes"], at=timezone.now())
        except till.Refused as no:
            return refused(no.refusals, said["codes"])
        except till.NotReserved:
            raise NotReserved from None
        return Response(UseOut(used, many=True).data)


class ReleaseIn(serializers.Serializer[Any]):
    order = serializers.CharField(max_length=128, required=False, help_text="Give back what this order used.")
    cart = serializers.CharField(max_length=128, required=False, help_text="Give back what this basket holds.")

    class Meta:
        ref_name = "CouponReleaseRequest"

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if len(said) != 1:
            raise serializers.ValidationError(_("Say either order or cart."), code="order_or_cart")
        return said


class ReleaseOut(serializers.Serializer[Any]):
    released = serializers.IntegerField(help_text="How many uses were given back by this request.")

    class Meta:
        ref_name = "CouponRelease"


class CouponRelease(Staff):
    queryset = Redemption.objects.none()
    serializer_class = ReleaseOut
    throttle_classes = (throttles.Events,)
    needs = NEEDS

    @extend_schema(
        summary="Give back what an order used, or what a basket holds",
        description="However often it is said. An order that the shop's adapter reads as cancelled or paid back in "
        "full needs no call.",
        request=ReleaseIn,
        responses=ReleaseOut,
        examples=[
            OpenApiExample("An order was called off", value={"order": "100042"}, request_only=True),
            OpenApiExample("A payment failed for good", value={"cart": "c-1001"}, request_only=True),
            OpenApiExample("One use was given back", value={"released": 1}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        asked = ReleaseIn(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response({"released": till.release(**asked.validated_data, at=timezone.now())})


def refused(refusals: Sequence[Refusal], sent: Sequence[str]) -> Response:
    """Answer 409 with the first code's reason, and each code by its place. It is no exception: what was noted stays."""
    by_code = {refusal.code: refusal for refusal in refusals}
    found = {
        f"codes.{place}": by_code[code]
        for place, code in enumerate(codes.normal(text) or text for text in sent)
        if code in by_code
    }
    said = {path: baskets.reason(refusal) for path, refusal in found.items()}
    first = next(iter(said.values()))
    fields = {path: [{"code": one["reason"], "message": one["detail"]}] for path, one in said.items()}
    return Response({"code": first["reason"], "detail": first["detail"], "fields": fields}, status=409)
