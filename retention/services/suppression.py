"""Addresses that are not written to, by HMAC."""

from __future__ import annotations

from datetime import datetime

from retention.hashing import address_hash
from retention.models import Suppression


def add(email: str, *, scope: str, reason: str, at: datetime) -> bool:
    """Suppress an address; False when it is suppressed for this scope already."""
    return Suppression.objects.get_or_create(
        address_hash=address_hash(email), scope=scope, defaults={"reason": reason, "at": at}
    )[1]


def lift(email: str, *, scope: str, reason: str) -> bool:
    """End a suppression that was made for this reason; False where there was none."""
    return bool(Suppression.objects.filter(address_hash=address_hash(email), scope=scope, reason=reason).delete()[0])
