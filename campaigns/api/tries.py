"""Tries of codes that a shop passes on for its shoppers: counted before a code is looked up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from campaigns.services import tries
from retention import waits
from retention.api.base import Staff


class TooManyTries(APIException):
    """Retry-After says when the shopper may try again; the sentence may be shown to them."""

    status_code = 429
    default_code = "too_many_tries"
    default_detail = _("Many codes have been tried from here, so we take a short break.")

    def __init__(self, until: datetime, *, at: datetime) -> None:
        super().__init__(waits.after_tries(until, at=at))
        self.wait = waits.seconds(until, at=at)


class TriedIn(serializers.Serializer[Any]):
    """Who tries. With neither, nothing is counted: the shop's staff ask for themselves."""

    origin = serializers.CharField(
        max_length=64, allow_blank=True, default="", help_text="The shopper's network address: tries are limited by it."
    )
    session = serializers.CharField(
        max_length=128, allow_blank=True, default="", help_text="Names the shopper's session: tries are limited by it."
    )


class Tries(Staff):
    """A view that looks up a code. Each request counts, a repeated one too, and before its answer is looked for."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        who = TriedIn(data=request.data)
        who.is_valid(raise_exception=True)
        now = timezone.now()
        try:
            tries.count(**who.validated_data, at=now)
        except tries.TooMany as refusal:
            raise TooManyTries(refusal.until, at=now) from None
