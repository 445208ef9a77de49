"""A shopper's own points: one look in three queries, then pages."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import explain, queries
from loyalty.conf import conf
from loyalty.models import Account, Entry, OrderAward
from loyalty.services import tiers
from retention.api.base import Listing, Mine
from retention.api.fields import Money
from retention.models import Customer


class MyEntry(serializers.Serializer[Entry]):
    """A movement of spendable points."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    what = serializers.SerializerMethodField(help_text="What for, in the request's language.")
    points = serializers.IntegerField(help_text="Signed.")
    balance_after = serializers.IntegerField()
    order = serializers.CharField(help_text="The shop's reference of the order behind it, or empty.")

    def get_what(self, entry: Entry) -> str:
        return explain.cause(entry, self.context["numbers"].get(entry.order, entry.order))


class MyTier(serializers.Serializer[Any]):
    name = serializers.CharField(source="tier.name")
    since = serializers.DateTimeField()


class Wallet(serializers.Serializer[Any]):
    balance = serializers.IntegerField(help_text="Points to spend; never below 0.")
    owed = serializers.IntegerField(help_text="Points that later ones fill up first, after a refund of spent points.")
    pending = serializers.IntegerField(help_text="Points whose return window is open.")
    tier = MyTier(allow_null=True)
    entries = MyEntry(many=True, help_text="The latest movements.")


class Points(Mine):
    queryset = Account.objects.none()
    serializer_class = Wallet
    filter_backends = ()

    @cached_property
    def customer(self) -> Customer:
        """The caller's row with account and tier, in one query where it is there already."""
        joined = Customer.objects.select_related("points_account", "membership__tier__table")
        return joined.filter(user=self.request.user.pk).first() or super().customer

    @extend_schema(summary="My balance, what is pending, my tier and the latest movements", responses=Wallet)
    def get(self, request: Request) -> Response:
        account = getattr(self.customer, "points_account", None)
        membership = getattr(self.customer, "membership", None)
        entries = queries.entries(account, limit=conf.HISTORY_ROWS) if account else []
        balance = account.balance if account else 0
        return Response(
            {
                "balance": max(balance, 0),
                "owed": max(-balance, 0),
                "pending": account.pending if account else 0,
                "tier": MyTier(membership).data
                if membership and membership.tier and membership.tier.table.active
                else None,
                "entries": _entries(entries),
            }
        )


@extend_schema(summary="My movements of points, newest first")
class Entries(Listing, Mine):
    queryset = Entry.objects.of_balance()
    serializer_class = MyEntry
    owner = "account__customer"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(_entries(page or []))


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


def _entries(entries: Any) -> Any:
    numbers = queries.order_numbers(entry.order for entry in entries if entry.order)
    return MyEntry(entries, many=True, context={"numbers": numbers}).data
