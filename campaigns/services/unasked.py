"""Coupons that the shop puts into a shopper's basket by itself: nobody has to use them."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from retention import registry


def codes(request: HttpRequest, *, at: datetime) -> set[str]:
    """Return the codes that are the visitor's for as long as something holds, whoever gives them."""
    return {code for source in registry.standing_codes for code in source(request, at)}
