"""What the shop reports: an order to look at. It carries no news, only where to look."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api import throttles
from retention.api.base import Staff
from retention.api.errors import Conflict
from retention.models import Signal
from retention.services import inbox


class EventReused(Conflict):
    default_code = "event_reused"
    default_detail = _("An event with this id came before with another body.")


class EventIn(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=128, help_text="The sender's own id of the event; the same id is one event.")
    kind = serializers.SlugField(max_length=40, help_text="What happened, in the sender's word, e.g. `order-changed`.")
    order = serializers.CharField(max_length=128, help_text="The shop's reference of the order.")


class EventOut(serializers.Serializer[Any]):
    new = serializers.BooleanField(help_text="False: this event had come before.")


class Events(Staff):
    queryset = Signal.objects.none()
    serializer_class = EventIn
    throttle_classes = (throttles.Events,)
    needs = {"POST": "retention.add_signal"}

    @extend_schema(
        summary="Something happened to an order",
        description="The order is read from the shop within seconds. Duplicates and late events change nothing.",
        request=EventIn,
        responses={202: EventOut},
    )
    def post(self, request: Request) -> Response:
        asked = EventIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        try:
            new = inbox.receive(kind=said["kind"], reference=said["order"], event_id=said["id"], body=self.raw_body)
        except inbox.EventReused:
            raise EventReused from None
        return Response({"new": new}, status=202)
