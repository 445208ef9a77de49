"""One person's gifts, challenges and giving: taking the data out, forgetting the words, making two rows one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import Contribution, Donation, GiftProgress, Participation, Present, Task
from loyalty.services import challenges, gifts
from retention.models import Customer


def export(customer: Customer) -> Mapping[str, Any]:
    """Return everything that is held about a customer; of a surprise, what it was once it was given."""
    given = Present.objects.given().filter(customer=customer).order_by("pk")
    return {
        "gifts": list(
            given.values("given_at", "gives", "points", "thing", "order", "coupon__code", "version__plan__name")
        ),
        "challenges": list(
            Participation.objects.filter(customer=customer)
            .order_by("pk")
            .values("challenge__name", "state", "joined_at", "starts_at", "ends_at", "progress", "wins")
        ),
        "given_to_causes": list(
            Contribution.objects.filter(customer=customer)
            .order_by("pk")
            .values("cause__name", "order", "currency", "amount_minor", "month")
        ),
        "points_given_to_causes": list(
            Donation.objects.filter(customer=customer)
            .order_by("pk")
            .values("cause__name", "points", "currency", "amount_minor", "month")
        ),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Withdraw what was to be given, and let nothing more be won; presents and sums that were stay, without a name."""
    Participation.objects.open().filter(customer=customer).update(closed_at=at)
    waiting = Task.objects.filter(customer=customer, presents__isnull=False, state=Task.State.OPEN)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    Task.objects.filter(pk__in=ids, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN, closed_at=at)
    Present.objects.due().filter(customer=customer).update(state=Present.State.UNDONE, undone_at=at)


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Move what one row has to the other, so that nothing is given twice for orders that move with it."""
    with transaction.atomic():
        taken = dict(Participation.objects.filter(customer=member).values_list("challenge", "pk"))
        Participation.objects.filter(customer=guest).exclude(challenge__in=taken).update(customer=member)
        _move_presents(guest, member, taken, at=at)
        Contribution.objects.filter(customer=guest).update(customer=member)
        Donation.objects.filter(customer=guest).update(customer=member)


def _move_presents(guest: Customer, member: Customer, taken: Mapping[int, int], *, at: datetime) -> None:
    """Move presents into the member's series, under numbers that are free there.

    ``taken``: challenge → the member's own participation, which stands for both then.
    """
    mine = Present.objects.filter(customer=guest).select_related("version", "participation")
    if not (rows := list(mine)):
        return
    plans = {row.version.plan_id for row in rows if row.version is not None}
    GiftProgress.objects.bulk_create(
        [GiftProgress(plan_id=plan, customer=member, counted_at=at) for plan in sorted(plans)], ignore_conflicts=True
    )
    hold(GiftProgress.objects.filter(plan__in=plans, customer__in=[guest, member]))
    hold(Participation.objects.filter(customer__in=[guest, member]))
    rows = hold(mine)
    wanted = {row.pk: _series(row, member, taken) for row in rows}
    highest: dict[str, int] = defaultdict(int)
    theirs = Present.objects.filter(series__in=set(wanted.values())).exclude(customer=guest)
    for series, number in theirs.values_list("series", "number"):
        highest[series] = max(highest[series], number)
    for row in rows:
        row.customer = member
        if row.series != wanted[row.pk]:
            row.series = wanted[row.pk]
            highest[row.series] += 1
            row.number, row.attempt = highest[row.series], 1
            if row.participation is not None:
                row.participation_id = taken[row.participation.challenge_id]
    Task.objects.filter(presents__in=[row.pk for row in rows]).update(customer=member)
    Present.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["series", "number", "attempt", "customer", "participation"],
    )


def _series(row: Present, member: Customer, taken: Mapping[int, int]) -> str:
    if row.version is not None:
        return gifts.name(row.version.plan_id, member.pk)
    assert row.participation is not None
    own = taken.get(row.participation.challenge_id)
    return challenges.name(own) if own is not None else row.series
