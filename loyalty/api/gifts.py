"""How far a shopper's own gifts are."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import gift_words, present_words, queries
from loyalty.models import Present, Task
from loyalty.services import gift_ways
from retention.api.base import Mine

RECENT = 50


class Way(serializers.Serializer[Any]):
    """The next gift of one plan."""

    name = serializers.CharField()
    gift = serializers.CharField(help_text="What it is, in the request's language.")
    orders = serializers.IntegerField(help_text="Orders towards it that are there.")
    missing = serializers.IntegerField(help_text="Orders that are missing.")
    words = serializers.ListField(child=serializers.CharField(), help_text="What is promised, a sentence each.")


class Given(serializers.Serializer[Any]):
    """A gift that the shopper has."""

    id = serializers.IntegerField()
    gift = serializers.CharField()
    code = serializers.CharField(help_text="Of its coupon; empty where it is none.")
    order = serializers.CharField(help_text="The shop's reference of the order that brought it.")
    given_at = serializers.DateTimeField()


class Gifts(serializers.Serializer[Any]):
    surprises = serializers.BooleanField(help_text="Whether there are surprises; neither when nor what.")
    next = Way(many=True)
    given = Given(many=True, help_text="The latest 50, newest first. Surprises are not among them.")


class MyGifts(Mine):
    queryset = Present.objects.given().filter(version__isnull=False, version__plan__surprise=False)
    serializer_class = Gifts
    filter_backends = ()

    @extend_schema(summary="How far my next gifts are, and those that I have", responses=Gifts)
    def get(self, request: Request) -> Response:
        now = timezone.now()
        found = gift_ways.progress(self.customer)
        rows = self.get_queryset().exclude(task__state=Task.State.DECLINED)
        given = list(rows.select_related("coupon").order_by("-given_at", "-pk")[:RECENT])
        ways = [way for one, count, ahead in found if (way := gift_ways.way(one, count, ahead, at=now)) is not None]
        terms = present_words.terms_of([*(row.offer_id for row in given), *(way.version.offer_id for way in ways)])
        rates = queries.worth_rates()
        answer = {
            "surprises": any(one.plan.surprise and one.in_force(now) for one, *_ in found),
            "next": [
                {
                    "name": way.version.plan.name,
                    "gift": present_words.what(way.version, terms, rates),
                    "orders": way.done,
                    "missing": way.missing,
                    "words": list(gift_words.promise(way.version, terms, rates)),
                }
                for way in ways
            ],
            "given": [
                {
                    "id": row.pk,
                    "gift": present_words.what(row, terms, rates),
                    "code": row.coupon.code if row.coupon else "",
                    "order": row.order,
                    "given_at": row.given_at,
                }
                for row in given
            ],
        }
        return Response(Gifts(answer).data)
