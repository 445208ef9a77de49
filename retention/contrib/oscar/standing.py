"""Which codes the shop has put into a basket by itself: remembered, so that what is taken out stays out."""

from __future__ import annotations

from typing import Any

KEY = "retention_standing_codes"
"""Session: code → the basket that it was put into."""


def put_before(request: Any, code: str) -> bool:
    """Whether this basket has had the code already."""
    notes = request.session.get(KEY, {}) if hasattr(request, "session") else {}
    return code in notes and notes[code] == request.basket.pk


def note(request: Any, code: str) -> None:
    """Remember that the code was put into this basket."""
    notes = request.session.get(KEY, {})
    # a basket that was ordered asks no more
    request.session[KEY] = {one: basket for one, basket in notes.items() if basket == request.basket.pk} | {
        code: request.basket.pk
    }


def forget(request: Any, code: str) -> None:
    """Let the code be put into this basket again: it only made room for another."""
    notes = request.session.get(KEY, {})
    if code in notes:
        request.session[KEY] = {one: basket for one, basket in notes.items() if one != code}


def inside(request: Any) -> list[str]:
    """Return the codes that the shop has put into this basket by itself, as far as they are still there."""
    notes = request.session.get(KEY, {}) if hasattr(request, "session") else {}
    return [
        code for code, basket in notes.items() if basket == request.basket.pk and request.basket.contains_voucher(code)
    ]
