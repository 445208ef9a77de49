"""Handing presents out: coupons, points, tasks for staff; each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import prefetch_related_objects

from campaigns.models import Offer
from campaigns.services import coupons
from campaigns.services.coupons import Wish
from loyalty.models import Entry, Present, Programme, Task
from loyalty.models.gift import Gives
from loyalty.models.programme import DebtPolicy
from loyalty.services import absences, points

WRITTEN = ["state", "waits", "coupon", "entry", "task", "debt_policy", "given_at"]
GUEST = "no_account"
"""Points wait for an account."""
OUT = "left"
"""Whose present it is has left the programme; it is there when they come back."""


def hand_out(rows: Sequence[Present], *, at: datetime) -> list[Present]:
    """Give those that can be given and write down why others wait. Returns those given."""
    if not rows:
        return []
    prefetch_related_objects(rows, "version__plan", "participation")
    of: dict[str, list[Present]] = defaultdict(list)
    waited = {row.pk: row.waits for row in rows}
    out = absences.out({row.customer_id for row in rows})
    for row in rows:
        if row.customer_id in out:
            row.waits = OUT
        else:
            of[row.gives].append(row)
    _coupons(of[Gives.COUPON], at=at)
    _points(of[Gives.POINTS], at=at)
    _tasks(of[Gives.TASK], at=at)
    given = [row for row in rows if not row.waits]
    for row in given:
        row.state, row.given_at = Present.State.GIVEN, at
    # what waits for the same reason as before is not written again and again
    changed = [row for row in rows if not row.waits or row.waits != waited[row.pk]]
    Present.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
    return given


def _source(row: Present) -> str:
    if row.version is not None:
        return f"gift:{row.version.plan_id}"
    assert row.participation is not None
    return f"challenge:{row.participation.challenge_id}"


def _coupons(rows: Sequence[Present], *, at: datetime) -> None:
    """Issue coupons: a call for each offer and source."""
    sets: dict[tuple[int | None, str], list[Present]] = defaultdict(list)
    for row in rows:
        sets[row.offer_id, _source(row)].append(row)
    offers = Offer.objects.in_bulk({pk for pk, _ in sets if pk})
    for (pk, source), some in sorted(sets.items(), key=lambda item: (item[0][0] or 0, item[0][1])):
        assert pk is not None
        wishes = [Wish(key=row.key, customer=row.customer_id, order=row.order) for row in some]
        issued = coupons.issue_many(wishes, offer=offers[pk], source=source, at=at)
        for row in some:
            row.coupon = issued.coupons.get(row.key)
            row.waits = "" if row.coupon else str(issued.refused[row.key])


def _points(rows: Sequence[Present], *, at: datetime) -> None:
    """Give points: a call for each sum and source."""
    if not rows:
        return
    programme = Programme.objects.filter(active=True).first()
    sets: dict[tuple[int, str], list[Present]] = defaultdict(list)
    for row in rows:
        assert row.points is not None
        sets[row.points, _source(row)].append(row)
    for (number, source), some in sorted(sets.items()):
        points.grant([(row.key, row.customer_id, row.order) for row in some], points=number, source=source, at=at)
    entries = {entry.key: entry for entry in Entry.objects.filter(key__in=[row.key for row in rows])}
    for row in rows:
        row.entry = entries.get(row.key)
        row.debt_policy = programme.debt_policy if programme else DebtPolicy.OWE
        row.waits = "" if row.entry else GUEST


def _tasks(rows: Sequence[Present], *, at: datetime) -> None:
    if not rows:
        return
    Task.objects.bulk_create(
        [
            Task(
                key=row.key, kind="gift", customer_id=row.customer_id, what=row.thing, order=row.order,
                source=_source(row), made_at=at, due_at=at,
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    made = {task.key: task for task in Task.objects.filter(key__in=[row.key for row in rows])}
    for row in rows:
        row.task, row.waits = made[row.key], ""
