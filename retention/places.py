"""Countries by name, in the reader's language."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language, to_locale


def countries() -> list[tuple[str, str]]:
    """Return code and name of each country, by name."""
    return sorted(_names(get_language() or "en").items(), key=lambda pair: pair[1])


def country(code: str) -> str:
    """Return the name of a country; its code where there is none."""
    return _names(get_language() or "en").get(code, code)


@lru_cache(maxsize=16)
def _names(language: str) -> dict[str, str]:
    try:
        locale = Locale.parse(to_locale(language))
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    # Babel names regions by numbers and private codes, too
    return {
        code: name
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
    }


NO_COUNTRIES = ("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ")
"""Unions, made-up places for tests, and "unknown"."""
