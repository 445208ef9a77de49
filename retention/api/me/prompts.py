"""What to say to me, and my no."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retention import registry
from retention.api.base import Mine
from retention.models import Prompt
from retention.services import nudges


class PromptOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    text = serializers.CharField(help_text="In the request's language.")


class Prompts(Mine):
    queryset = Prompt.objects.none()
    pagination_class = None
    filter_backends = ()

    @extend_schema(
        summary="What to say to me now, the most helpful first; show one",
        description="Reading is not showing: POST to `shown/` when it stood on the page.",
        responses=PromptOut(many=True),
    )
    def get(self, request: Request) -> Response:
        found = nudges.wanted(self.customer, at=timezone.now())
        return Response(PromptOut(found, many=True).data)


class PromptShown(Mine):
    queryset = Prompt.objects.none()

    @extend_schema(summary="It stood on the page", request=None, responses={204: None})
    def post(self, request: Request, name: str) -> Response:
        _known(name)
        nudges.note_shown(self.customer, name=name, at=timezone.now())
        return Response(status=204)


class PromptDismissed(Mine):
    queryset = Prompt.objects.none()

    @extend_schema(summary="No, thanks: not again for a while", request=None, responses={204: None})
    def post(self, request: Request, name: str) -> Response:
        _known(name)
        nudges.dismiss(self.customer, name=name, at=timezone.now())
        return Response(status=204)


def _known(name: str) -> None:
    if name not in registry.nudges:
        raise Http404
