"""Codes: long enough not to be guessed, in letters that nobody mistakes for another."""

from __future__ import annotations

import re
import secrets

from campaigns.conf import conf

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 letters: without 0 and O, 1, I and L."""

SHORTEST = 12

_EVEN = 256 - 256 % len(ALPHABET)
_TABLE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
"""Bytes that are thrown away: with them some letters would be likelier than others."""

LONGEST = 40
_CODE = re.compile(f"[A-Z0-9-]{{1,{LONGEST}}}")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def generate(count: int, *, prefix: str = "") -> list[str]:
    """Return ``count`` codes of ``COUPON_LENGTH`` letters, after ``prefix`` and a hyphen where there is one."""
    length = max(conf.COUPON_LENGTH, SHORTEST)
    letters = b""
    while (missing := count * length - len(letters)) > 0:
        letters += secrets.token_bytes(missing + missing // 16 + 16).translate(_TABLE, _UNEVEN)
    text = letters[: count * length].decode("ascii")
    start = f"{prefix}-" if prefix else ""
    return [start + text[at : at + length] for at in range(0, len(text), length)]


def normal(typed: str) -> str:
    """Return a code as it is stored, from what somebody typed or pasted; empty for what cannot be one."""
    code = "".join(typed[: LONGEST * 2].translate(_INVISIBLE).split()).upper()
    return code if len(typed) <= LONGEST * 2 and _CODE.fullmatch(code) else ""
