"""Several things in one sentence, as the reader's language lists them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from babel import Locale
from babel.lists import format_list

from retention.money import locale_of


def listed(parts: Iterable[str], language: str | None = None) -> str:
    """Return the parts one after the other, e.g. "A, B, C", in Chinese "A、B、C"; ``language`` None: the active one."""
    between = Locale.parse(locale_of(language)).list_patterns["standard"]["middle"]
    said = ""
    for part in parts:
        said = between.format(said, part) if said else part
    return said


def either(parts: Sequence[str], language: str | None = None) -> str:
    """Return the parts as a choice, e.g. "A, B, or C"."""
    return format_list(parts, style="or", locale=locale_of(language))
