"""Which mail I want."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention import origin
from retention.api.base import Mine
from retention.api.errors import Erased
from retention.hashing import origin_hash
from retention.models import Consent
from retention.models.consent import Purpose
from retention.services import profile

PURPOSE = OpenApiParameter("purpose", str, OpenApiParameter.PATH, enum=Purpose.values)


class ConsentOut(serializers.Serializer[Any]):
    """One purpose and my answer; ``changed_at`` is null where I was never asked."""

    purpose = serializers.ChoiceField(choices=Purpose.choices)
    granted = serializers.BooleanField()
    basis = serializers.CharField(allow_blank=True)
    changed_at = serializers.DateTimeField(allow_null=True)


class ConsentIn(serializers.Serializer[Any]):
    granted = serializers.BooleanField()
    text = serializers.CharField(
        max_length=5000, allow_blank=True, default="", help_text="What stood before me while I chose; a yes needs it."
    )
    text_version = serializers.CharField(max_length=40, allow_blank=True, default="")

    def validate(self, attrs: Any) -> Any:
        if attrs["granted"] and not attrs["text"].strip():
            raise serializers.ValidationError(
                {"text": [_("A yes is worth only what was shown: send the text.")]}, code="required"
            )
        return attrs


class Consents(Mine):
    queryset = Consent.objects.all()
    pagination_class = None
    filter_backends = ()

    @extend_schema(summary="My answers, one per purpose", responses=ConsentOut(many=True))
    def get(self, request: Request) -> Response:
        known = {row.purpose: row for row in self.get_queryset().filter(channel="email")}
        return Response([_out(purpose, known.get(purpose)) for purpose in Purpose])


class ConsentDetail(Mine):
    queryset = Consent.objects.all()
    pagination_class = None
    filter_backends = ()

    @extend_schema(summary="Say yes or no", request=ConsentIn, responses=ConsentOut, parameters=[PURPOSE])
    def put(self, request: Request, purpose: str) -> Response:
        if purpose not in Purpose.values:
            raise Http404
        asked = ConsentIn(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        shown = profile.Shown(
            text=said["text"],
            version=said["text_version"],
            source="api",
            origin=origin_hash(origin.of(request._request)),
        )
        try:
            answer = profile.choose(
                self.customer, purpose=Purpose(purpose), granted=said["granted"], shown=shown, at=timezone.now()
            )
        except profile.Erased:
            raise Erased from None
        return Response(_out(Purpose(purpose), answer))


def _out(purpose: Purpose, answer: Consent | None) -> dict[str, Any]:
    return dict(
        ConsentOut(answer or {"purpose": purpose.value, "granted": False, "basis": "", "changed_at": None}).data
    )
