"""Codes that wait in the visitor's session, for a shop that renders its basket itself and has no vouchers.

Django keeps a visitor's session when they sign in, and these with it.
"""

from __future__ import annotations

from django.http import HttpRequest

from campaigns.services import codes as spelling

KEY = "campaigns_codes"
MOST = 20
"""More than a basket has use for; the oldest go."""


def codes(request: HttpRequest) -> list[str]:
    """Return the codes that wait, the oldest first: quote and reserve these."""
    return list(request.session.get(KEY, ()))


def park(request: HttpRequest, typed: str) -> None:
    """Let a code wait until the basket is ordered; once, however often it is parked. What is no code is left out."""
    code = spelling.normal(typed)
    waiting = codes(request)
    if code and code not in waiting:
        request.session[KEY] = [*waiting, code][-MOST:]


def remove(request: HttpRequest, typed: str) -> None:
    """Let a code wait no more: the shopper took it out, or it will never be taken."""
    left = [code for code in codes(request) if code != spelling.normal(typed)]
    if left != codes(request):
        request.session[KEY] = left


def clear(request: HttpRequest) -> None:
    """Forget all codes: the basket was ordered."""
    request.session.pop(KEY, None)
