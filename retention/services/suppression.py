"""Addresses that are not written to, by HMAC."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from retention.hashing import address_hash
from retention.models import Suppression


def add(email: str, *, scope: str, reason: str, at: datetime) -> bool:
    """Suppress an address; False when it is suppressed for this scope already. What was imported becomes our own."""
    hashed = address_hash(email)
    fresh = Suppression.objects.get_or_create(address_hash=hashed, scope=scope, defaults={"reason": reason, "at": at})[
        1
    ]
    if not fresh:
        imported = Suppression.objects.filter(address_hash=hashed, scope=scope, reason=Suppression.Reason.IMPORTED)
        imported.update(reason=reason, at=at)
        if not Suppression.objects.filter(address_hash=hashed, scope=scope).exists():
            return add(email, scope=scope, reason=reason, at=at)  # a file with a later yes has just lifted it
    return fresh


def erase(email: str, *, at: datetime) -> None:
    """Suppress everything to an address that was erased; by this row a sweep knows whom not to bring back."""
    erased = Suppression.Reason.ERASED
    if not add(email, scope=Suppression.Scope.ALL, reason=erased, at=at):
        rows = Suppression.objects.filter(address_hash=address_hash(email), scope=Suppression.Scope.ALL)
        rows.exclude(reason=erased).update(reason=erased, at=at)


def erased(addresses: Collection[str]) -> dict[str, datetime]:
    """Return those of the addresses (lower case) that were erased, and when."""
    if not addresses:
        return {}
    hashes = {address_hash(address): address for address in addresses}
    rows = Suppression.objects.filter(
        address_hash__in=hashes, scope=Suppression.Scope.ALL, reason=Suppression.Reason.ERASED
    )
    return {hashes[hashed]: at for hashed, at in rows.values_list("address_hash", "at")}


def lift(email: str, *, scope: str, reason: str) -> bool:
    """End a suppression that was made for this reason; False where there was none. An imported no is an unsubscribe."""
    reasons = [reason, Suppression.Reason.IMPORTED] if reason == Suppression.Reason.UNSUBSCRIBED else [reason]
    rows = Suppression.objects.filter(address_hash=address_hash(email), scope=scope, reason__in=reasons)
    return bool(rows.delete()[0])
