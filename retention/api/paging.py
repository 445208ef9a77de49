"""Pages by position instead of number: no row twice or missing while rows come, and page 1,000 as fast as the first."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from retention.api.errors import BadCursor

LARGEST_ID = 2**63 - 1
YEARS = range(1970, 9000)
"""Years that every database and zone can hold."""


class Pages(BasePagination):
    """``results`` and ``next``, the link of the page after this one or null; in the view's ``ordering``."""

    size = 50
    largest = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        size = self._size()
        rows = queryset.order_by(*view.ordering)
        cursor = request.query_params.get("cursor")
        if cursor:
            rows = rows.filter(_beyond(view.ordering, _read(cursor, view.ordering, queryset.model)))
        found = list(rows[: size + 1])
        page = found[:size]
        self.next = _write(page[-1], view.ordering) if len(found) > size else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        url = self.request.build_absolute_uri()
        following = replace_query_param(url, "cursor", self.next) if self.next else None
        return Response({"next": following, "results": data})

    def _size(self) -> int:
        asked = self.request.query_params.get("page_size", "")
        if not asked:
            return self.size
        if asked.isascii() and asked.isdigit() and len(asked) < 10 and 1 <= int(asked) <= self.largest:
            return int(asked)
        message = _("A whole number from 1 to %(largest)d.") % {"largest": self.largest}
        raise ValidationError({"page_size": [message]})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": {"type": "string", "format": "uri", "nullable": True}, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where to go on; taken from `next` of an earlier answer.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": self.largest, "default": self.size},
            },
        ]


def _write(row: Any, ordering: tuple[str, ...]) -> str:
    values = [getattr(row, name.lstrip("-")) for name in ordering]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(cursor: str, ordering: tuple[str, ...], model: type[models.Model]) -> list[Any]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(values, list) or len(values) != len(ordering):
        raise BadCursor
    return [_value(value, name.lstrip("-"), model) for value, name in zip(values, ordering, strict=True)]


def _value(value: Any, name: str, model: type[models.Model]) -> Any:
    if name != "pk" and isinstance(model._meta.get_field(name), models.DateTimeField):
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise BadCursor from None
        if moment.tzinfo is None or moment.year not in YEARS:
            raise BadCursor
        return moment.astimezone(UTC)
    if type(value) is not int or not 0 <= value <= LARGEST_ID:
        raise BadCursor
    return value


def _beyond(ordering: tuple[str, ...], position: list[Any]) -> Q:
    side = "lt" if ordering[0].startswith("-") else "gt"
    names = [name.lstrip("-") for name in ordering]
    last = Q(**{f"{names[-1]}__{side}": position[-1]})
    if len(names) == 1:
        return last
    # the first condition is implied by the second, and is the one that an index can serve
    first = f"{names[0]}__{side}"
    return Q(**{f"{first}e": position[0]}) & (Q(**{first: position[0]}) | last)
