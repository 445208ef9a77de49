"""The OpenAPI document of our API alone, and a page to read and try it, without any other server."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from retention.api import throttles
from retention.api.base import View

TITLE = "django-retention"
DESCRIPTION = (
    "What belongs to a signed-in shopper is under `me/`; everything else is for staff with permissions. "
    "Lists are pages: follow `next`. Every refusal is `{code, detail, fields}` with a stable code."
)

_generating = Lock()


class Document(View):
    """The OpenAPI document."""

    permission_classes = ()
    throttle_classes = (throttles.PerOrigin,)
    schema = None  # not a part of what it describes

    def get_authenticators(self) -> Any:
        return []

    def get(self, request: Request) -> Response:
        prefix = reverse("retention:api_schema").removesuffix("schema/")
        with _generating:  # the generator counts its warnings in one place for all
            return Response(_document(prefix, get_language()))


@cache
def _document(prefix: str, language: str | None) -> dict[str, Any]:
    patterns = [path(prefix.lstrip("/"), include("retention.api.urls"))]
    document = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    return {**document, "info": {"title": TITLE, "version": "1", "description": DESCRIPTION}}


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the document as a page; requests from it go with the reader's own session."""
    return render(
        request,
        "retention/api_docs.html",
        {
            "title": TITLE,
            "csrf_header": settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-"),
        },
    )
