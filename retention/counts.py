"""Numbers as a reader writes them."""

from __future__ import annotations

from babel.numbers import format_decimal

from retention.money import locale_of


def show(n: int, language: str | None = None) -> str:
    """Return a whole number as a reader of ``language`` (None: the active one) writes it, e.g. 10,000 or 10 000."""
    return format_decimal(n, locale=locale_of(language))
