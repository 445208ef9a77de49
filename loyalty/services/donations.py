"""Points that shoppers give to a cause: what the shop owes the cause for them.

A donation is worth its points times what a point was worth when they were given, rounded down. Where the programme has
several currencies, it is in that of the first rate that says now what a point is worth. Where none does, nothing is
owed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import Claim, Donation, Rate, Reward
from loyalty.services import giving, paying, programmes
from loyalty.services.programmes import Running
from retention.models import Customer

WRITTEN = ["customer", "points", "amount_minor", "settled_at"]


def rate(running: Running | None, *, at: datetime) -> Rate | None:
    """Return the rate by which points that are given at a time are worth something; None: by none."""
    for currency in dict.fromkeys(rate.currency for rate in running.rates) if running else ():
        assert running is not None
        found = running.rate(currency, placed_at=at)
        if found is not None and found.worth:
            return found
    return None


def settle(claims: Collection[int], *, at: datetime) -> int:
    """Bring what is owed for these claims to what stands of them. Returns how many donations changed.

    The number of queries does not depend on the number of claims.
    """
    wanted = Claim.objects.filter(
        pk__in=claims, reward__kind=Reward.Kind.DONATION, reward__cause__isnull=False
    ).select_related("account", "reward")  # fmt: skip
    found = list(wanted)
    if not found:
        return 0
    with transaction.atomic():
        _enter(found, at=at)
        # claims are read again once the rows are held: who waited for them sees what the other has not seen
        held = hold(Donation.objects.filter(claim__in=found))
        now = {claim.pk: claim for claim in wanted}
        changed = [row for row in held if _bring(row, now[row.claim_id], at=at)]
        Donation.objects.bulk_update(changed, WRITTEN)
    return len(changed)


def by_customer(customer: Customer) -> dict[int, dict[str, int]]:
    """Return cause → currency → what a customer's points gave, minor units."""
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = Donation.objects.filter(customer=customer, amount_minor__gt=0)
    for cause, currency, minor in rows.values_list("cause", "currency", "amount_minor"):
        sums[cause][currency] += minor
    return sums


def _enter(claims: Collection[Claim], *, at: datetime) -> None:
    """Make a row for each that was given and has none, with the worth of a point of then."""
    there = set(Donation.objects.filter(claim__in=claims).values_list("claim", flat=True))
    new = sorted((one for one in claims if one.committed_at and one.pk not in there), key=lambda one: one.pk)
    running = programmes.running() if new else None
    rows = []
    for one in new:
        assert one.committed_at is not None
        by = rate(running, at=one.committed_at)
        if by is None or by.worth is None or one.reward.cause_id is None:
            continue
        rows.append(
            Donation(
                claim=one, cause_id=one.reward.cause_id, customer_id=one.account.customer_id, worth=by.worth,
                currency=by.currency, month=giving.month_of(one.committed_at), settled_at=at,
            )
        )  # fmt: skip
    Donation.objects.bulk_create(rows, ignore_conflicts=True)


def _bring(row: Donation, claim: Claim, *, at: datetime) -> bool:
    points = claim.spent if claim.state == Claim.State.COMMITTED else 0
    minor = paying.worth(points, of_a_point=row.worth, currency=row.currency)
    new = (claim.account.customer_id, points, minor)
    if new == (row.customer_id, row.points, row.amount_minor):
        return False
    row.customer_id, row.points, row.amount_minor = new
    row.settled_at = at
    return True
