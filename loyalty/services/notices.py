"""Telling people that points of theirs end soon, once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Min, Sum

from loyalty import queries
from loyalty.locks import hold
from loyalty.models import Account, Lot
from retention.rows import batch_size
from retention.services import outbox
from retention.services.outbox import Promise

MAIL = "loyalty.points_end"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What of a customer's points ends soon."""

    points: int
    first: datetime
    """When the first of them end, UTC."""


def ending(customers: Collection[int], *, at: datetime) -> dict[int, Ending]:
    """Return how many points end within ``EXPIRY_NOTICE_DAYS``, and when, for those who have any: one query."""
    rows = (
        Lot.objects.filter(queries.soon(at), account__customer__in=customers, account__left_at=None)
        .order_by()
        .values_list("account__customer")
    )
    return {
        customer: Ending(points=points, first=first)
        for customer, points, first in rows.annotate(points=Sum("left"), first=Min("expires_at"))
    }


def warn(*, at: datetime, limit: int = 1000) -> int:
    """Promise a mail to everybody who has points that end soon and was not told. Returns how many."""
    # who has left the programme gets no mail about points; who comes back is told then
    untold = Lot.objects.filter(queries.soon(at), warned_at=None, account__left_at=None).order_by()
    with transaction.atomic():
        some = untold.values_list("account", flat=True).distinct().order_by("account")[: batch_size(limit)]
        # whoever writes these accounts' ledger waits: lots are written in an order of their own there
        held = hold(Account.objects.filter(pk__in=list(some)))
        mine = untold.filter(account__in=held)
        firsts = dict(mine.values_list("account__customer").annotate(first=Min("expires_at")))
        outbox.post_many(
            [
                Promise(
                    # by the first that is news: who was told of earlier ones is told of later ones, too
                    key=f"points-end:{customer}:{first:%Y-%m-%d}",
                    mail=MAIL,
                    customer=customer,
                    due_at=at,
                    source="loyalty:expiry",
                )
                for customer, first in firsts.items()
            ],
            at=at,
        )
        mine.update(warned_at=at)
    return len(firsts)
