"""What goes to causes with a shopper's own orders and points."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import giving_words
from loyalty.models import Cause, Contribution, Pledge
from loyalty.services import causes, donations, giving
from retention.api.base import Mine
from retention.api.fields import decimal


class Sum(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.DecimalField(max_digits=20, decimal_places=3, coerce_to_string=True)

    def to_representation(self, pair: Any) -> dict[str, str | None]:
        currency, minor = pair
        return {"currency": currency, "amount": decimal(minor, currency)}


class MyCause(serializers.Serializer[Any]):
    name = serializers.CharField()
    about = serializers.CharField()
    url = serializers.CharField()
    mine = Sum(many=True, help_text="With my orders, by currency.")
    by_points = Sum(many=True, help_text="With my points, by currency.")
    total = Sum(many=True, help_text="With all orders and points, where the shop shows it.")
    promise = serializers.CharField(help_text="What an order gives, in words; empty where nothing is promised now.")


class MyGiving(Mine):
    queryset = Contribution.objects.none()
    serializer_class = MyCause
    filter_backends = ()
    pagination_class = None

    @extend_schema(summary="What goes to causes with my orders and points", responses=MyCause(many=True))
    def get(self, request: Request) -> Response:
        mine, by_points = giving.by_customer(self.customer), donations.by_customer(self.customer)
        pledges: dict[int, list[Pledge]] = defaultdict(list)
        for pledge in Pledge.objects.in_force(at=timezone.now()).filter(cause__active=True).order_by("currency"):
            pledges[pledge.cause_id].append(pledge)
        shown = list(Cause.objects.filter(pk__in={*mine, *by_points, *pledges}).order_by("name"))
        totals = causes.totals([cause.pk for cause in shown if cause.show_total])
        rows = [
            {
                "name": cause.name,
                "about": cause.words,
                "url": cause.url,
                "mine": sorted(mine.get(cause.pk, {}).items()),
                "by_points": sorted(by_points.get(cause.pk, {}).items()),
                "total": sorted(totals.get(cause.pk, {}).items()),
                "promise": giving_words.promise(cause.name, pledges[cause.pk]) if cause.pk in pledges else "",
            }
            for cause in shown
        ]
        return Response(MyCause(rows, many=True).data)
