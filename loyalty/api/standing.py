"""What opens when, and what is missing to the next tier."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import tier_words
from loyalty.models import Account, OrderAward, TierBenefit
from loyalty.models.tier import Metric, Window
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import tier_standing, tiers
from retention.api.base import Listing, Mine
from retention.api.fields import Money


class Waiting(serializers.Serializer[OrderAward]):
    """Points of one order whose return window is open."""

    id = serializers.IntegerField()
    order = serializers.CharField()
    points = serializers.IntegerField(source="pending")
    opens_at = serializers.DateTimeField(allow_null=True, help_text="Null: not known yet, the order is under way.")


@extend_schema(summary="My pending points, by order")
class Pending(Listing, Mine):
    queryset = OrderAward.objects.waiting()
    serializer_class = Waiting
    owner = "account__customer"


class Keeping(serializers.Serializer[tier_standing.Standing]):
    """What keeps my tier."""

    until = serializers.DateField(source="keeping.last_day", help_text="The last day of it.")
    missing = serializers.IntegerField(
        source="keeping.missing",
        allow_null=True,
        help_text="As `counted`, to be added by then; null: nothing keeps it, the next year counts by itself.",
    )
    counts_from = serializers.DateTimeField(
        source="keeping.counts_from", allow_null=True, help_text="Null: what is done now counts for it."
    )
    words = serializers.SerializerMethodField(help_text="In the request's language.")

    def get_words(self, standing: tier_standing.Standing) -> str:
        assert standing.keeping is not None
        assert standing.tier is not None
        return tier_words.to_stay(
            standing.keeping, tier=standing.tier.name, metric=standing.metric, currency=standing.currency
        )


class Benefit(serializers.Serializer[TierBenefit]):
    """What my tier gives."""

    kind = serializers.ChoiceField(choices=BenefitKind.choices)
    words = serializers.SerializerMethodField(help_text="In the request's language.")

    def get_words(self, benefit: TierBenefit) -> str:
        return tier_words.benefit(benefit)


class Spent(Money):
    """Money where spend makes the tiers, null where orders or points do."""

    def to_representation(self, row: tier_standing.Standing) -> str | None:
        return super().to_representation(row) if row.metric == Metric.SPEND else None


class Standing(serializers.Serializer[tier_standing.Standing]):
    """Where I stand, what keeps it, and what is missing to the next tier."""

    tier = serializers.CharField(source="tier.name", default=None, allow_null=True)
    reached = serializers.ListField(
        child=serializers.CharField(),
        help_text="My tier and those below it: who has one of them may see what it opens.",
    )
    early_access = serializers.BooleanField(help_text="Whether my tier sees what is new before others.")
    since = serializers.DateTimeField(allow_null=True)
    metric = serializers.ChoiceField(choices=Metric.choices)
    window = serializers.ChoiceField(choices=Window.choices)
    currency = serializers.CharField(help_text="Empty where orders or points count.")
    window_days = serializers.IntegerField(help_text="Of a rolling window: what is so many days old counts.")
    counted = serializers.IntegerField(
        source="qualified_minor", help_text="What counts so far: minor units of the currency, orders or points."
    )
    spent = Spent("qualified_minor")
    next_tier = serializers.CharField(source="next_tier.name", default=None, allow_null=True)
    to_next = serializers.IntegerField(source="missing_minor", help_text="As `counted`; 0 at the top.")
    missing = Spent("missing_minor")
    percent = serializers.IntegerField(help_text="Of the way to the next tier; 100 at the top.")
    keeping = serializers.SerializerMethodField()
    benefits = Benefit(many=True)

    @extend_schema_field(Keeping(allow_null=True))
    def get_keeping(self, standing: tier_standing.Standing) -> Any:
        return Keeping(standing).data if standing.keeping and standing.tier else None


class Tier(Mine):
    queryset = Account.objects.none()
    serializer_class = Standing
    filter_backends = ()

    @extend_schema(
        summary="My tier and what is missing to the next",
        responses={200: Standing, 204: OpenApiResponse(description="The shop has no tiers.")},
    )
    def get(self, request: Request) -> Response:
        standing = tiers.standing(self.customer, at=timezone.now())
        return Response(Standing(standing).data) if standing else Response(status=204)
