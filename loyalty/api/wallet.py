"""A shopper's own points. The wallet is read more than anything else here, so it takes one query, and no serializer."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import explain
from loyalty.models import Account, Entry
from loyalty.services import absences
from retention.api.base import Listing, Mine
from retention.models import Customer, Order

moment = serializers.DateTimeField().to_representation


class MyEntry(serializers.Serializer[Entry]):
    """A movement of spendable points."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    what = serializers.CharField(help_text="What for, in the request's language.")
    points = serializers.IntegerField(help_text="Signed.")
    balance_after = serializers.IntegerField()
    order = serializers.CharField(help_text="The shop's reference of the order behind it, or empty.")

    def to_representation(self, entry: Any) -> dict[str, Any]:
        # the same as the fields would say; they are here for the schema
        return {
            "id": entry.pk,
            "at": moment(entry.at),
            "what": explain.cause(entry, entry.number or entry.order),
            "points": entry.points,
            "balance_after": entry.balance_after,
            "order": entry.order,
        }


class MyTier(serializers.Serializer[Any]):
    name = serializers.CharField()
    since = serializers.DateTimeField()


class Wallet(serializers.Serializer[Any]):
    member = serializers.BooleanField(help_text="False: I have left the programme, and earn and spend nothing.")
    stands_until = serializers.DateTimeField(
        allow_null=True, help_text="Who has left: what is there is as it was if I come back before. Null: I am in."
    )
    balance = serializers.IntegerField(help_text="Points that are there; never below 0.")
    held = serializers.IntegerField(help_text="Of these, set aside for claimed rewards: not to be spent otherwise.")
    owed = serializers.IntegerField(help_text="Points that later ones fill up first, after a refund of spent points.")
    pending = serializers.IntegerField(help_text="Points whose return window is open.")
    tier = MyTier(allow_null=True)


def movements() -> QuerySet[Entry]:
    """Return spendable movements with the number by which people know the order of each."""
    number = Order.objects.filter(reference=OuterRef("order")).values("number")[:1]
    return (
        Entry.objects.of_balance()
        .annotate(number=Subquery(number))
        .only("at", "kind", "points", "balance_after", "order", "breakdown", "source", "key")
    )


class Points(Mine):
    queryset = Account.objects.none()
    serializer_class = Wallet
    filter_backends = ()

    @extend_schema(summary="My balance, what is pending, and my tier", responses=Wallet)
    def get(self, request: Request) -> Response:
        found = (
            Customer.objects.filter(user=request.user.pk)
            .values_list(
                "points_account__balance",
                "points_account__pending",
                "points_account__held",
                "points_account__left_at",
                "membership__since",
                "membership__tier__name",
                "membership__tier__table__active",
            )
            .first()
        )
        balance, pending, held, left_at, since, tier, active = found or (None,) * 7
        return Response(
            {
                "member": left_at is None,
                "stands_until": moment(absences.ends_at(left_at)) if left_at else None,
                "balance": max(balance or 0, 0),
                "held": held or 0,
                "owed": max(-(balance or 0), 0),
                "pending": pending or 0,
                "tier": {"name": tier, "since": moment(since)} if since and active else None,
            }
        )


@extend_schema(summary="My movements of points, newest first")
class Entries(Listing, Mine):
    queryset = movements()
    serializer_class = MyEntry
    owner = "account__customer"
