"""Telling people that they are about to lose a tier, and what keeps it: once for each loss."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from loyalty.models import Membership
from loyalty.services import tier_keeping, tiers
from loyalty.services.tier_fit import Some
from loyalty.services.tier_keeping import Keeping
from loyalty.services.tier_rules import Rules
from retention.locks import one_at_a_time
from retention.rows import batch_size
from retention.services import outbox
from retention.services.outbox import Promise

MAIL = "loyalty.tier_ends"


def warn(*, at: datetime, limit: int = 1000) -> int:
    """Promise a mail to everybody who is about to lose a tier and was not told of it. Returns how many."""
    table = tiers.active()
    if table is None or not table.notice_days:
        return 0
    rules, ahead = Rules.of(table), timedelta(days=table.notice_days)
    # all members are looked at without the lock: on SQLite nobody could place an order meanwhile
    seen = tier_keeping.about_to_lose(rules, at=at, ahead=ahead, untold=True, limit=batch_size(limit))
    if not seen:
        return 0
    # nobody is moved meanwhile
    with one_at_a_time("loyalty.tiers", wait=True):
        some = Some(ids=[one.customer for one in seen])
        found = tier_keeping.about_to_lose(rules, at=at, ahead=ahead, some=some, untold=True)
        outbox.post_many(
            [
                Promise(
                    key=f"tier-ends:{one.tier}:{one.customer}:{one.loss:%Y-%m-%d}",
                    mail=MAIL,
                    customer=one.customer,
                    due_at=at,
                    source="loyalty:tiers",
                )
                for one in found
            ],
            at=at,
        )
        losses: dict[datetime, list[int]] = {}
        for one in found:
            losses.setdefault(one.loss, []).append(one.customer)
        for loss, customers in losses.items():
            Membership.objects.filter(customer__in=customers).update(warned_for=loss)
    return len(found)


def keeping(customers: Collection[int], *, at: datetime) -> dict[int, Keeping]:
    """Return what those of the customers who are about to lose their tier need to keep it."""
    table = tiers.active()
    if table is None:
        return {}
    ahead = timedelta(days=table.notice_days)
    found = tier_keeping.about_to_lose(Rules.of(table), at=at, ahead=ahead, some=Some(ids=customers))
    return {one.customer: one for one in found}
