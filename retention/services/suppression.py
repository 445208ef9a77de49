"""Addresses that are not written to, by HMAC."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from retention.hashing import address_hash
from retention.models import Suppression
from retention.models.consent import Purpose

ALL, REASON = Suppression.Scope.ALL, Suppression.Reason
YIELD: Sequence[str] = (REASON.IMPORTED, REASON.UNSUBSCRIBED)
"""What a new yes lifts; the first yields to the second, both to the others."""


def scopes_of(scope: str, everything: str | None) -> Sequence[str]:
    """Return under which scopes a no is written where everything is stopped for this reason, or for none.

    The mark of who was erased stays, for a sweep knows them by it; what they have said stands beside it.
    """
    return Purpose.values if scope == ALL and everything == REASON.ERASED else [scope]


def add(email: str, *, scope: str, reason: str, at: datetime) -> bool:
    """Suppress an address; False when it is suppressed for this scope already. What was imported becomes our own."""
    return _add(address_hash(email), scope=scope, reason=reason, at=at, over=[REASON.IMPORTED])


def _add(hashed: str, *, scope: str, reason: str, at: datetime, over: Sequence[str]) -> bool:
    """``over``: the reasons in whose place this one comes."""
    there = Suppression.objects.filter(address_hash=hashed, scope=scope)
    if there.get_or_create(address_hash=hashed, scope=scope, defaults={"reason": reason, "at": at})[1]:
        return True
    there.filter(reason__in=over).update(reason=reason, at=at)
    now = there.values_list("reason", flat=True).first()
    if now is None:
        return _add(hashed, scope=scope, reason=reason, at=at, over=over)  # a file with a later yes has just lifted it
    return scope == ALL and now == REASON.ERASED and _beside(hashed, reason=reason, at=at)


def _beside(hashed: str, *, reason: str, at: datetime) -> bool:
    """Write a no beside the mark of who was erased. One that a new yes would lift hides none that it would not."""
    over = YIELD[: YIELD.index(reason)] if reason in YIELD else YIELD
    scopes = scopes_of(ALL, REASON.ERASED)
    fresh = [_add(hashed, scope=scope, reason=reason, at=at, over=over) for scope in scopes]
    return any(fresh)


def erase(email: str, *, at: datetime) -> None:
    """Suppress everything to an address that was erased; by this row a sweep knows whom not to bring back.

    What stopped everything before goes on to stop marketing and surveys: erasure ends no complaint.
    """
    hashed = address_hash(email)
    erased = {"reason": REASON.ERASED, "at": at}
    row, fresh = Suppression.objects.get_or_create(address_hash=hashed, scope=ALL, defaults=erased)
    if fresh or row.reason == REASON.ERASED:
        return
    _beside(hashed, reason=row.reason, at=row.at)
    if not Suppression.objects.filter(pk=row.pk, reason=row.reason).update(**erased):
        erase(email, at=at)  # it has just become another reason, or none


def erased(addresses: Collection[str]) -> dict[str, datetime]:
    """Return those of the addresses (lower case) that were erased, and when."""
    if not addresses:
        return {}
    hashes = {address_hash(address): address for address in addresses}
    rows = Suppression.objects.filter(address_hash__in=hashes, scope=ALL, reason=REASON.ERASED)
    return {hashes[hashed]: at for hashed, at in rows.values_list("address_hash", "at")}


def lift(email: str, *, scope: str, reason: str) -> bool:
    """End a suppression that was made for this reason; False where there was none. An imported no is an unsubscribe."""
    reasons = [reason, REASON.IMPORTED] if reason == REASON.UNSUBSCRIBED else [reason]
    rows = Suppression.objects.filter(address_hash=address_hash(email), scope=scope, reason__in=reasons)
    return bool(rows.delete()[0])
