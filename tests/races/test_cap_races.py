"""Sixteen at once against one limit: never above it, nothing below it, and each thing counts once.

The negative control takes the row locks off and must go wrong; otherwise these tests prove nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Model, QuerySet, Sum

from loyalty.models import Account, ActionAward, CapTally, Entry, OrderAward
from loyalty.services import actions, awards, verifying
from loyalty.services.actions import Done
from retention.models import Customer, Order
from retention.testing.clock import Clock
from tests.loyalty.till import START, start
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, THINGS, WORTH, CAP = 16, 8, 5, 203


def member(clock: Clock) -> Customer:
    return Customer.objects.create(kind="member", address="ada@example.com", created_at=clock.now)


def reviewer(number: int, customer: int, clock: Clock) -> Callable[[], None]:
    """Review things of one's own, and things that everybody reviews, in an order of one's own."""

    def work() -> None:
        things = [f"{number}-{thing}" for thing in range(THINGS)] + [f"all-{thing}" for thing in range(THINGS)]
        Random(number).shuffle(things)
        for thing in things:
            actions.did([Done(action="review", customer=customer, subject=thing, at=clock.now)], at=clock.now)

    return work


def reviewers(clock: Clock) -> list[Callable[[], None]]:
    programme = start(cap_day=CAP, cap_total=CAP + 50)
    actions.set_rule(programme, action="review", points=WORTH, often="thing", at=START)
    person = member(clock).pk
    return [reviewer(number, person, clock) for number in range(THREADS)]


def test_sixteen_against_one_limit_reach_it_exactly(clock: Clock) -> None:
    all_well(together(*reviewers(clock)))
    assert Account.objects.get().balance == CAP
    assert set(CapTally.objects.values_list("used", flat=True)) == {CAP}
    assert ActionAward.objects.count() == (THREADS + 1) * THINGS
    stopped = ActionAward.objects.aggregate(n=Sum("stopped"))["n"]
    assert stopped == (THREADS + 1) * THINGS * WORTH - CAP
    told = Entry.objects.filter(kind="capped", points=0).values_list("breakdown", flat=True)
    assert sum(breakdown["stopped"] for breakdown in told) == stopped
    assert list(verifying.differences()) == []


@pytest.mark.postgres
def test_without_row_locks_the_same_race_goes_wrong(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(rows: QuerySet[Model], *, no_key: bool = False) -> list[Any]:
        found = list(rows.order_by("pk"))
        time.sleep(0.005)  # long enough for another to read the same
        return found

    for place in ("loyalty.services.actions.hold", "loyalty.services.points.hold"):
        monkeypatch.setattr(place, unlocked)
    works = reviewers(clock)
    results = together(*works)
    refused = [result for result in results if isinstance(result, IntegrityError)]
    assert refused or list(verifying.differences()), "the race was not one: nothing went wrong without locks"
    assert CapTally.objects.filter(used__gt=CAP).count() == 0, "the constraint holds without any lock"


def test_orders_settled_by_many_at_once_stay_within_the_limit(clock: Clock) -> None:
    start(cap_day=CAP, cap_orders=True)
    person = member(clock)
    made = Order.objects.bulk_create(
        Order(
            reference=f"A{number}", number=f"A{number}", customer=person, currency="EUR", items_minor=1000,
            total_minor=1000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now, read_at=clock.now,
        )
        for number in range(40)
    )  # fmt: skip

    def settler(number: int) -> Callable[[], None]:
        def work() -> None:
            mine = [order.reference for order in made]
            Random(number).shuffle(mine)
            for first in range(0, len(mine), 7):
                awards.settle(dict.fromkeys(mine[first : first + 7], clock.now))

        return work

    all_well(together(*[settler(number) for number in range(8)]))
    assert Account.objects.get().balance == CAP
    assert OrderAward.objects.aggregate(n=Sum("stopped"))["n"] == 400 - CAP
    assert list(verifying.differences()) == []


def test_one_award_approved_by_sixteen_is_given_once(clock: Clock) -> None:
    programme = start()
    actions.set_rule(programme, action="review", points=WORTH, often="thing", approval=True, at=START)
    actions.did([Done(action="review", customer=member(clock).pk, subject="tea", at=clock.now)], at=clock.now)
    award = ActionAward.objects.get()
    given = all_well(together(*[lambda: actions.approve([award], by="grace", at=clock.now)] * THREADS))
    assert sorted(given) == [0] * (THREADS - 1) + [1]
    assert Account.objects.get().balance == WORTH
