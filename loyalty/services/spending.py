"""Spending points, and giving them back as if they had not been spent."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from loyalty.models import Entry, LotMove
from loyalty.services import points, programmes
from loyalty.services.points import Kind, Posting


def spend(customer: int, *, amount: int, key: str, source: str, at: datetime, about: str = "") -> Entry | None:
    """Take points of a customer's balance, those that end soonest first. ``about``: what for, e.g. an order.

    Returns the entry, None where this key has been spent before. Raises ValueError for fewer than one point,
    NotEnough, KeyReused.
    """
    if amount < 1:
        raise ValueError(f"{amount} points cannot be spent.")
    until, renews = programmes.end_of(at)
    posting = Posting(
        key=f"spend:{key}",
        customer=customer,
        points=-amount,
        kind=Kind.SPEND,
        breakdown={"about": about} if about else {},
        source=source[:120],
        renews_until=until if renews else None,
        at=at,
    )
    entries = points.post([posting], at=at)
    return entries[0] if entries else None


def give_back(key: str, *, source: str, at: datetime) -> Entry | None:
    """Undo a spending, once: the points come back with their old end and do not count as earned.

    Returns the entry; None where nothing was spent under this key, or it came back before.
    """
    with transaction.atomic():
        spent = Entry.objects.filter(key=f"spend:{key}").select_related("account").first()
        if spent is None:
            return None
        taken = dict(LotMove.objects.filter(entry=spent).values_list("lot", "points"))
        posting = Posting(
            key=f"return:{key}",
            customer=spent.account.customer_id,
            points=-spent.points,
            kind=Kind.RETURN,
            breakdown=spent.breakdown,
            source=source[:120],
            gives_back={lot: -number for lot, number in taken.items()},
            joins=programmes.end_of(at)[1],
            at=at,
        )
        entries = points.post([posting], at=at)
    return entries[0] if entries else None
