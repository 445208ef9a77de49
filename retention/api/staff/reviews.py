"""What the shop reports of reviews: that one is published, never what it says."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api import throttles
from retention.api.base import Staff
from retention.models import Customer
from retention.services import reviews


class ReviewIn(serializers.Serializer[Any]):
    product = serializers.CharField(max_length=128, help_text="The shop's reference of the product.")
    review = serializers.CharField(max_length=128, help_text="The shop's own id of the review.")


class Reviews(Staff):
    queryset = Customer.objects.living()
    serializer_class = ReviewIn
    filter_backends = ()
    throttle_classes = (throttles.Events,)
    needs = {"POST": "retention.add_signal"}

    @extend_schema(
        summary="A customer's review is published",
        description="The same review may be reported again: what it brings, it brings once. What it says is not asked.",
        request=ReviewIn,
        responses={202: ReviewIn},
    )
    def post(self, request: Request, pk: int) -> Response:
        customer = self.get_object()
        asked = ReviewIn(data=request.data)
        asked.is_valid(raise_exception=True)
        reviews.note(customer, **asked.validated_data, at=timezone.now())
        return Response(asked.validated_data, status=202)
