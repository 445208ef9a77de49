"""A coupon that came before the basket waits in the session."""

from __future__ import annotations

from typing import Any

KEY = "retention_parked_coupon"


def park(request: Any, code: str) -> None:
    request.session[KEY] = code


def parked(request: Any) -> str:
    """Return the waiting code; empty without one."""
    code: str = request.session.get(KEY, "")
    return code


def leave(request: Any, code: str) -> None:
    """Forget the waiting code, if it is this one."""
    if request.session.get(KEY) == code:
        del request.session[KEY]
