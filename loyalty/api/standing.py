"""What opens when, and what is missing to the next tier."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.models import Account, OrderAward
from loyalty.services import tiers
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


class Standing(serializers.Serializer[tiers.Standing]):
    """Where I stand and what is missing to the next tier."""

    tier = serializers.CharField(source="tier.name", default=None, allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    currency = serializers.CharField()
    window_days = serializers.IntegerField(help_text="Orders placed within so many days count.")
    spent = Money("qualified_minor")
    next_tier = serializers.CharField(source="next_tier.name", default=None, allow_null=True)
    missing = Money("missing_minor")
    percent = serializers.IntegerField(help_text="Of the way to the next tier; 100 at the top.")


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
