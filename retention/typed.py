"""Reading what people type or paste: what looks like a code's letter is that letter."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters that are looked at; more is no code and is not read."""

_CODE = re.compile(r"[A-Z0-9-]{1,128}")

_CYRILLIC = dict(zip("АВЕНІЈКМОРСЅТУХӀԚԜ", "ABEHIJKMOPCSTYXIQW", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
_TURKISH = {"İ": "I"}
_LETTERS = str.maketrans(_CYRILLIC | _GREEK | _TURKISH)
"""Capital letters of other keyboards → the Latin ones that look the same. Digits are nobody's look-alikes here: O and
0 stay apart, since a merchant's own code may hold either."""

_UNSEEN = {"\u034f", "\u115f", "\u1160", "\u2800"}
"""What is neither white space nor a format character and yet leaves no ink."""

_DASHES = {"\u2212", "\u2043", "\u02d7"}
"""Minus, bullet and modifier letter that are not among the dashes by name."""


def code(text: str) -> str:
    """Return a code as it is stored: Latin capitals, digits and hyphens. Empty for what cannot be one."""
    if len(text) > LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text).upper().translate(_LETTERS)
    found = "".join(map(_letter, plain))
    return found if _CODE.fullmatch(found) else ""


def _letter(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Pd" or letter in _DASHES:
        return "-"
    unseen = category == "Cf" or letter.isspace() or letter in _UNSEEN or "\ufe00" <= letter <= "\ufe0f"
    return "" if unseen else letter
