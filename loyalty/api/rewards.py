"""A shopper's rewards: what is on offer, claiming one, and giving one up."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import queries, reward_words
from loyalty.models import Claim, Reward
from loyalty.services import claims, points, rewards
from loyalty.services.rewards import Choice, No
from retention.api.base import Detail, Listing, Mine
from retention.api.errors import Conflict, KeyReused
from retention.api.fields import decimal
from retention.api.filters import Choice as OneOf
from retention.api.filters import FilterSet
from retention.api.paging import LARGEST_ID

MOST = 10**12
"""Points of one claim."""


class NotClaimed(Conflict):
    """``code`` is the reason, e.g. ``not_enough``."""


class InUse(Conflict):
    default_code = "in_use"
    default_detail = _("An order with it is being placed, so it cannot be given up now.")


class RewardOut(serializers.Serializer[Choice]):
    """What is on offer, with what is in the way."""

    id = serializers.IntegerField(source="reward.pk")
    name = serializers.CharField(source="reward.name")
    words = serializers.CharField(source="reward.words")
    kind = serializers.ChoiceField(source="reward.kind", choices=Reward.Kind.choices)
    cost = serializers.IntegerField(source="reward.cost", help_text="Points; of points off a basket, the fewest.")
    gives = serializers.SerializerMethodField(help_text="What its coupon gives, in the request's language, or empty.")
    no = serializers.ChoiceField(choices=No.choices, allow_null=True, help_text="What is in the way; null: nothing.")
    missing = serializers.IntegerField(help_text="Points that are missing.")
    detail = serializers.SerializerMethodField(help_text="What is in the way, a sentence in the request's language.")

    def get_gives(self, choice: Choice) -> str:
        terms = self.context["terms"].get(choice.reward.offer_id)
        return reward_words.gives(terms) if terms else ""

    def get_detail(self, choice: Choice) -> str:
        if choice.no is None:
            return ""
        called, rates = self.context["called"], self.context["rates"]
        return reward_words.no(choice.no, reward=choice.reward, short=choice.missing, called=called, rates=rates)


class ClaimOut(serializers.ModelSerializer[Claim]):
    """A reward that was claimed."""

    reward = serializers.IntegerField(source="reward_id", read_only=True)
    name = serializers.CharField(source="reward.name", read_only=True)
    code = serializers.CharField(
        source="coupon.code", default=None, read_only=True, allow_null=True, help_text="Its coupon; null: it has none."
    )
    worth = serializers.SerializerMethodField(help_text="What the points pay at most; null: not in money.")

    class Meta:
        model = Claim
        fields = (
            "id", "reward", "name", "state", "reason", "points", "spent", "worth", "currency", "code", "order",
            "lease_until", "claimed_at", "committed_at", "released_at",
        )  # fmt: skip
        read_only_fields = fields
        ref_name = "RewardClaim"

    def get_worth(self, claim: Claim) -> str | None:
        return decimal(claim.worth_minor, claim.currency)


class ClaimIn(serializers.Serializer[Any]):
    reward = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    points = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST, help_text="Of points off a basket: how many."
    )
    currency = serializers.RegexField(
        r"^[A-Z]{3}$", required=False, help_text="Of points off a basket: the basket's currency."
    )


class Rewards(Mine):
    queryset = Claim.objects.none()
    serializer_class = RewardOut
    filter_backends = ()
    pagination_class = None

    @extend_schema(summary="Rewards on offer, with what is in the way of each", responses=RewardOut(many=True))
    def get(self, request: Request) -> Response:
        choices = rewards.choices(self.customer, queries.account(self.customer), at=timezone.now())
        terms = reward_words.current_terms(choice.reward for choice in choices)
        called = reward_words.called_of(choices)
        context = {"terms": terms, "called": called, "rates": queries.worth_rates()}
        return Response([RewardOut(choice, context=context).data for choice in choices])


class ClaimFilter(FilterSet):
    state = OneOf(choices=Claim.State.choices)

    class Meta:
        model = Claim
        fields: tuple[str, ...] = ()


class Claims(Listing, Mine):
    queryset = Claim.objects.select_related("reward", "coupon")
    serializer_class = ClaimOut
    filterset_class = ClaimFilter
    owner = "account__customer"

    @extend_schema(summary="My claimed rewards, latest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Claim a reward",
        description=(
            "Its points are set aside; they leave with the order that uses its coupon and come back when none does. "
            "A donation's leave at once. Send an Idempotency-Key, so that a request that is sent twice is one claim."
        ),
        request=ClaimIn,
        responses={201: ClaimOut},
    )
    def post(self, request: Request) -> Response:
        asked = ClaimIn(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        reward = Reward.objects.on_offer(at=now).filter(pk=asked.validated_data["reward"]).first()
        if reward is None:
            raise NotClaimed(str(No.NOT_ON_OFFER.label), code=No.NOT_ON_OFFER.value)
        key = request.headers.get("Idempotency-Key") or uuid.uuid4().hex
        try:
            made = claims.claim(
                reward,
                self.customer,
                key=f"api:{request.user.pk}:{key}",
                amount=asked.validated_data.get("points"),
                currency=asked.validated_data.get("currency", ""),
                at=now,
            )
        except claims.Refused as refusal:
            words = reward_words.no(refusal.no, reward=reward, short=refusal.missing, rates=queries.worth_rates())
            raise NotClaimed(words, code=refusal.no.value) from None
        except points.KeyReused:
            raise KeyReused from None
        return Response(self.get_serializer(made).data, status=201)


@extend_schema(summary="One of my claimed rewards")
class ClaimDetail(Detail, Mine):
    queryset = Claim.objects.select_related("reward", "coupon")
    serializer_class = ClaimOut
    owner = "account__customer"


class GiveUp(Mine):
    queryset = Claim.objects.select_related("reward", "coupon")
    serializer_class = ClaimOut
    filter_backends = ()
    owner = "account__customer"

    @extend_schema(summary="Give a claimed reward up: its points come back", request=None, responses={200: ClaimOut})
    def post(self, request: Request, pk: int) -> Response:
        made = self.get_object()
        try:
            claims.give_up(made, at=timezone.now())
        except claims.InUse:
            raise InUse from None
        return Response(self.get_serializer(self.get_object()).data)
