"""How far a customer's next gifts are, counted when it is asked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from loyalty.models import GiftVersion, Present
from loyalty.services import gifts
from loyalty.services.gifts import Known
from loyalty.services.rounds import Count
from retention.models import Customer


def progress(customer: Customer) -> list[tuple[Known, Count, int]]:
    """Return each plan with where a customer stands, and how many gifts stand beyond the rounds: counted now."""
    plans = gifts.known()
    if not plans:
        return []
    orders = gifts.orders_of([customer.pk])[customer.pk] if customer.kind != Customer.Kind.GUEST else []
    standing: dict[int, int] = defaultdict(int)
    for plan in (
        Present.objects.standing().filter(customer=customer, version__isnull=False).values_list("version__plan")
    ):
        standing[plan[0]] += 1
    found = []
    for one in plans:
        count = one.count(orders)
        found.append((one, count, max(0, standing[one.plan.pk] - len(count.rounds))))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How far a customer's next gift is."""

    version: GiftVersion
    done: int
    """Orders towards it."""
    missing: int


def way(one: Known, count: Count, ahead: int, *, at: datetime) -> Way | None:
    """Return how far the next gift of a plan is; None for a surprise, and where nothing is promised any more.

    ``ahead``: gifts that stand beyond the rounds; each makes up for one round to come.
    """
    if one.plan.surprise or one.in_force(at) is None or count.version is None or count.every is None:
        return None
    return Way(
        version=one.versions[count.version], done=count.towards, missing=count.every * (1 + ahead) - count.towards
    )
