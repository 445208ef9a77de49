"""Fields of answers that several resources share."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retention.money import to_decimal

MASK = "•••"


DECIMAL = {"type": "string", "format": "decimal", "example": "12.50", "nullable": True}


@extend_schema_field(DECIMAL)
class Money(serializers.Field[Any, Any, Any, Any]):
    """Minor units of a row as a decimal string with the currency's digits; null where the shop did not say."""

    def __init__(self, minor: str, *, currency: str = "currency", **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)
        self.minor, self.currency = attrgetter(minor), attrgetter(currency)

    def to_representation(self, row: Any) -> str | None:
        return decimal(self.minor(row), self.currency(row))


def decimal(minor: int | None, currency: str) -> str | None:
    """Return minor units as the API writes them, None for None."""
    return None if minor is None else f"{to_decimal(minor, currency):f}"


class Personal(serializers.CharField):
    """A name, an address, or words that may hold one: masked for staff who may not see them, empty stays empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        text = str(value)
        return text if not text or self.context.get("personal") else MASK
