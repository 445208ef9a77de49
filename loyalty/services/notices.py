"""Telling people that points of theirs end soon, once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Min, Sum

from loyalty import queries
from loyalty.models import Lot, Programme
from loyalty.models.programme import Expires
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
        Lot.objects.filter(queries.soon(at), account__customer__in=customers)
        .order_by()
        .values_list("account__customer")
    )
    return {
        customer: Ending(points=points, first=first)
        for customer, points, first in rows.annotate(points=Sum("left"), first=Min("expires_at"))
    }


def warn(*, at: datetime, limit: int = 1000) -> int:
    """Promise a mail to everybody who has points that end soon and was not told. Returns how many."""
    if not Programme.objects.filter(active=True).exclude(expires=Expires.NEVER).exists():
        return 0
    with transaction.atomic():
        untold = (
            Lot.objects.filter(queries.soon(at), warned_at=None).order_by().values_list("account__customer", flat=True)
        )
        who = list(untold.distinct().order_by("account__customer")[: batch_size(limit)])
        soon = ending(who, at=at)
        outbox.post_many(
            [
                Promise(
                    key=f"points-end:{customer}:{one.first:%Y-%m-%d}",
                    mail=MAIL,
                    customer=customer,
                    due_at=at,
                    source="loyalty:expiry",
                )
                for customer, one in soon.items()
            ],
            at=at,
        )
        Lot.objects.filter(queries.soon(at), warned_at=None, account__customer__in=who).update(warned_at=at)
    return len(who)
