"""What earns, for a shop that draws its own pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty import earning_words, showing
from loyalty.models import Account
from loyalty.models.currency import known
from loyalty.services import programmes, promises
from retention.api.base import Mine
from retention.shop import CartData, CartLine

MOST = Decimal(10) ** 10


class GoodsIn(serializers.Serializer[Any]):
    product = serializers.CharField(max_length=128, help_text="The shop's reference.")
    quantity = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=4, min_value=Decimal(0), max_value=MOST, help_text="For all pieces, tax included."
    )
    tax = serializers.DecimalField(
        max_digits=14,
        decimal_places=4,
        min_value=Decimal(0),
        max_value=MOST,
        required=False,
        help_text="What of it is tax. Where tax earns nothing, nothing is promised without it.",
    )


class PromiseIn(serializers.Serializer[Any]):
    currency = serializers.CharField(min_length=3, max_length=3, validators=[known], help_text="ISO code, in capitals.")
    lines = GoodsIn(many=True, allow_empty=False, max_length=200)  # type: ignore[call-arg]  # the list takes it


class PromiseOut(serializers.Serializer[Any]):
    points = serializers.IntegerField()
    words = serializers.CharField(help_text="A sentence in the request's language; empty where nothing is earned.")


class Promise(Mine):
    queryset = Account.objects.none()
    serializer_class = PromiseIn
    filter_backends = ()

    @extend_schema(
        summary="What goods would earn me now",
        description="With the rules that hold for me; shipping never earns. Nothing is stored.",
        request=PromiseIn,
        responses=PromiseOut,
    )
    def post(self, request: Request) -> Response:
        asked = PromiseIn(data=request.data)
        asked.is_valid(raise_exception=True)
        currency, now, running = asked.validated_data["currency"], timezone.now(), programmes.running()
        lines = tuple(
            CartLine(product=line["product"], quantity=line["quantity"], price=line["amount"], tax=line.get("tax"))
            for line in asked.validated_data["lines"]
        )
        total = sum((line.price for line in lines), start=Decimal(0))
        cart = CartData(reference="", currency=currency, total=total, lines=lines, user_id=request.user.pk)
        points = promises.for_cart(cart, at=now, running=running) if running else 0
        rate = running.rate(currency, placed_at=now) if running else None
        return Response({"points": points, "words": showing.promise(points, rate, running, member=True)})


class TermsOut(serializers.Serializer[Any]):
    terms = serializers.ListField(child=serializers.CharField(), help_text="A sentence each; none without a programme.")


class Terms(Mine):
    queryset = Account.objects.none()
    serializer_class = TermsOut
    filter_backends = ()

    @extend_schema(summary="How points are earned, in words", responses=TermsOut)
    def get(self, request: Request) -> Response:
        running = programmes.running()
        return Response({"terms": list(earning_words.for_shoppers(running, at=timezone.now())) if running else []})
