"""Codes: long enough not to be guessed, in letters that nobody mistakes for another."""

from __future__ import annotations

import secrets

from campaigns.conf import conf
from retention import typed

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 letters: without 0 and O, 1, I and L."""

SHORTEST = 12

_EVEN = 256 - 256 % len(ALPHABET)
_TABLE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
"""Bytes that are thrown away: with them some letters would be likelier than others."""

LONGEST = 40


def generate(count: int, *, prefix: str = "") -> list[str]:
    """Return ``count`` codes of ``COUPON_LENGTH`` letters, after ``prefix`` and a hyphen where there is one."""
    length = max(conf.COUPON_LENGTH, SHORTEST)
    letters = b""
    while (missing := count * length - len(letters)) > 0:
        letters += secrets.token_bytes(missing + missing // 16 + 16).translate(_TABLE, _UNEVEN)
    text = letters[: count * length].decode("ascii")
    start = f"{prefix}-" if prefix else ""
    return [start + text[at : at + length] for at in range(0, len(text), length)]


def normal(text: str) -> str:
    """Return a code as it is stored, from what somebody typed or pasted; empty for what cannot be one."""
    code = typed.code(text)
    return code if len(code) <= LONGEST else ""
