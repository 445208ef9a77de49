"""Presents: what should stand of each series, what does, and the difference between them.

A series is one customer in one gift plan or one challenge. What was used already stays, and makes up for what is to
come: nothing is given twice. Whoever calls ``settle`` twice, late or out of turn gets the same presents; callers hold
the row of the series (``GiftProgress``, ``Participation``) while they do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Q

from loyalty.facts import ChallengeUndone, ChallengeWon, GiftEarned, GiftUndone
from loyalty.locks import hold
from loyalty.models import Present
from loyalty.services import handing, taking_back
from retention.facts import FactData
from retention.rows import batch_size
from retention.services import facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One present that should stand."""

    gives: str
    offer: int | None = None
    points: int | None = None
    thing: str = ""
    version: int | None = None
    """Of a gift plan."""
    participation: int | None = None
    order: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """All that should stand of one customer in one plan or challenge; the first present has number 1."""

    name: str
    customer: int
    wanted: Sequence[Wanted]


def settle(series: Iterable[Series], *, at: datetime) -> dict[str, int]:
    """Give what is missing and undo what is too much. Returns series → presents that stand now.

    The number of queries does not depend on the number of series, only on the number of offers and of sums of points.
    """
    asked = list(series)
    if not asked:
        return {}
    rows: dict[str, list[Present]] = defaultdict(list)
    # locked: another worker may be handing out one that is due
    for row in hold(Present.objects.filter(series__in=[one.name for one in asked])):
        rows[row.series].append(row)
    missing: list[Present] = []
    surplus: dict[str, tuple[int, list[Present]]] = {}
    standing: dict[str, int] = {}
    for one in asked:
        there = [row for row in rows[one.name] if row.state != Present.State.UNDONE]
        standing[one.name] = len(there)
        if len(there) < len(one.wanted):
            missing += _missing(one, rows[one.name], at=at)
        elif len(there) > len(one.wanted):
            last_first = sorted(there, key=lambda row: -row.number)
            surplus[one.name] = (len(there) - len(one.wanted), last_first)
    for row in _undo(surplus, at=at):
        standing[row.series] -= 1
    if missing:
        Present.objects.bulk_create(missing)
        give(missing, at=at)
        for row in missing:
            standing[row.series] += 1
    return standing


def give(rows: Sequence[Present], *, at: datetime) -> int:
    """Hand out presents that are due, and tell. What cannot be given now waits. Returns how many were given."""
    given = handing.hand_out(rows, at=at)
    facts.publish(_won(row, at) for row in given)
    return len(given)


def give_due(*, at: datetime, limit: int = 500) -> int:
    """Hand out what had to wait, e.g. for an offer that was off; so many at once. Returns how many were given.

    All of them are tried: what cannot be given stands in nobody's way.
    """
    waiting = Present.objects.due().exclude(offer__active=False).order_by("due_at", "pk")
    given, rest = 0, waiting
    while some := list(rest.values_list("due_at", "pk")[: batch_size(limit)]):
        with transaction.atomic():
            given += give(hold(waiting.order_by().filter(pk__in=[pk for _, pk in some])), at=at)
        due_at, last = some[-1]
        rest = waiting.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, pk__gt=last))
    return given


def _missing(one: Series, rows: Sequence[Present], *, at: datetime) -> list[Present]:
    there = {row.number for row in rows if row.state != Present.State.UNDONE}
    free = [number for number in range(1, len(one.wanted) + 1) if number not in there]
    return [
        Present(
            series=one.name,
            number=number,
            attempt=1 + sum(row.number == number for row in rows),
            customer_id=one.customer,
            version_id=wanted.version,
            participation_id=wanted.participation,
            gives=wanted.gives,
            offer_id=wanted.offer,
            points=wanted.points,
            thing=wanted.thing,
            order=wanted.order,
            due_at=at,
        )
        for number in free[: len(one.wanted) - len(there)]
        for wanted in (one.wanted[number - 1],)
    ]


def _undo(surplus: dict[str, tuple[int, list[Present]]], *, at: datetime) -> list[Present]:
    """Undo of each series as many as are too much, the last first, leaving what was used. Returns those undone."""
    if not surplus:
        return []
    candidates = [row for _, rows in surplus.values() for row in rows]
    hands = taking_back.Hands(candidates, at=at)
    undone: list[Present] = []
    for many, rows in surplus.values():
        taken = (row for row in rows if hands.take(row))
        undone += islice(taken, many)
    hands.close()
    rows_told = Present.objects.filter(pk__in=[row.pk for row in undone if row.given_at])
    facts.publish(_lost(row, at) for row in rows_told.select_related("version", "participation").order_by("pk"))
    return undone


def _won(row: Present, at: datetime) -> FactData:
    if row.version is not None:
        return GiftEarned(
            customer=row.customer_id,
            at=at,
            present=row.pk,
            plan=row.version.plan_id,
            number=row.number,
            gives=row.gives,
            surprise=row.version.plan.surprise,
            order=row.order,
        )
    assert row.participation is not None
    return ChallengeWon(
        customer=row.customer_id,
        at=at,
        present=row.pk,
        challenge=row.participation.challenge_id,
        number=row.number,
        gives=row.gives,
    )


def _lost(row: Present, at: datetime) -> FactData:
    if row.version is not None:
        return GiftUndone(customer=row.customer_id, at=at, present=row.pk, plan=row.version.plan_id, number=row.number)
    assert row.participation is not None
    return ChallengeUndone(
        customer=row.customer_id,
        at=at,
        present=row.pk,
        challenge=row.participation.challenge_id,
        number=row.number,
    )
