"""Asking for the mail that proves my address."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api.base import Mine
from retention.models import Customer
from retention.services import accounts


class Proof(Mine):
    queryset = Customer.objects.none()

    @extend_schema(
        summary="Mail me the link that proves my address",
        description="Once proven, guest orders of the address join the account.",
        request=None,
        responses={202: None},
    )
    def post(self, request: Request) -> Response:
        try:
            accounts.ask_proof(self.customer, at=timezone.now())
        except accounts.TooMany:
            raise Throttled(wait=accounts.HOUR) from None
        return Response(status=202)
