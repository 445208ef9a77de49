"""JSON in and JSON out, nothing else; no input makes either fail."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer


class JsonOut(JSONRenderer):
    """Pure ASCII: half a surrogate pair, which JSON can carry and UTF-8 cannot, may come back in a message."""

    charset = None
    ensure_ascii = True
    compact = True
    strict = True


class JsonIn(JSONParser):
    """UTF-8 whatever charset the header names, no NaN, and no nesting so deep that the reader gives up."""

    strict = True

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
        except RecursionError:
            raise ParseError("JSON parse error - nested too deep") from None


class AlwaysJson(DefaultContentNegotiation):
    """Answers JSON whatever Accept or ``?format=`` says."""

    def select_renderer(self, request: HttpRequest, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
