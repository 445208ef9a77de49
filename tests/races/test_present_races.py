"""Many workers on the same orders: each gift, win, contribution and payout once.

The negative control takes the row locks off and must run into the constraint, or give twice; otherwise these tests
prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Model, QuerySet

from campaigns.models import Coupon, Offer
from loyalty.models import (
    Cause,
    Contribution,
    Donation,
    Entry,
    GiftProgress,
    Participation,
    Payout,
    Present,
    Reward,
)
from loyalty.services import (
    causes,
    challenges,
    claims,
    donations,
    gifts,
    giving,
    participants,
    points,
    presents,
    verifying,
)
from retention.models import Customer, Order
from retention.testing.clock import Clock
from tests.loyalty.gifts import challenge, offer, plan
from tests.loyalty.till import START, start
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, PEOPLE, ORDERS = 8, 6, 60


@pytest.fixture
def people(clock: Clock) -> list[int]:
    """Six members with ten paid orders each."""
    made = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{number}@example.com", created_at=clock.now) for number in range(PEOPLE)
    )
    Order.objects.bulk_create(
        Order(
            reference=f"A{number}", number=f"A{number}", customer=made[number % PEOPLE], currency="EUR",
            items_minor=4000, total_minor=4000, placed_at=clock.now + timedelta(minutes=number), paid_at=clock.now,
            first_seen_at=clock.now, read_at=clock.now,
        )
        for number in range(ORDERS)
    )  # fmt: skip
    return [person.pk for person in made]


def settler(number: int, people: list[int], clock: Clock) -> Callable[[], None]:
    """Settle everybody four times, in batches of one's own, in an order of one's own."""

    def work() -> None:
        random = Random(number)
        mine = people * 4
        random.shuffle(mine)
        while mine:
            batch, mine = mine[:3], mine[3:]
            gifts.settle(batch, at=clock.now)
            challenges.settle(batch, at=clock.now)

    return work


def test_the_same_orders_counted_by_eight_workers_bring_each_gift_once(people: list[int], clock: Clock) -> None:
    made = plan(4, points=10)
    GiftProgress.objects.bulk_create(
        GiftProgress(plan=made, customer_id=person, counted_at=clock.now) for person in people
    )
    plan(5, offer=offer(), name="Cup")
    plan(10, thing="A postcard", name="Card")
    challenge(clock, automatic=True, target=3, most=2)
    all_well(together(*[settler(number, people, clock) for number in range(THREADS)]))
    assert Present.objects.filter(version__isnull=False).count() == PEOPLE * (2 + 2 + 1)
    assert Present.objects.filter(participation__isnull=False).count() == PEOPLE * 2
    assert not Present.objects.exclude(state="given").exists()
    assert (Entry.objects.count(), Coupon.objects.count()) == (PEOPLE * 4, PEOPLE * 2)
    assert Participation.objects.count() == PEOPLE
    assert list(verifying.differences()) == []


def test_cancelling_while_others_count_ends_at_what_stands(people: list[int], clock: Clock) -> None:
    plan(5, points=10)

    def cancel() -> None:
        for order in Order.objects.order_by("pk")[: ORDERS // 2]:
            Order.objects.filter(pk=order.pk).update(cancelled_at=clock.now)
            gifts.settle([order.customer_id], at=clock.now)

    all_well(together(cancel, cancel, *[settler(number, people, clock) for number in range(THREADS - 2)]))
    standing = Present.objects.standing().values_list("customer", "number").order_by("customer")
    assert [number for _, number in standing] == [1] * PEOPLE
    assert sum(Entry.objects.values_list("points", flat=True)) == PEOPLE * 10
    assert list(verifying.differences()) == []


def test_what_is_handed_out_while_its_orders_are_cancelled_is_called_off(people: list[int], clock: Clock) -> None:
    closed = offer()
    plan(2, offer=closed)
    Offer.objects.update(active=False)
    gifts.settle(people, at=clock.now)
    assert Present.objects.due().count() == ORDERS // 2
    Offer.objects.update(active=True)
    Order.objects.update(cancelled_at=clock.now)

    def hand_out() -> None:
        for _ in range(20):
            presents.give_due(at=clock.now, limit=3)

    all_well(together(hand_out, hand_out, *[lambda one=one: gifts.settle([one], at=clock.now) for one in people]))
    assert Present.objects.standing().count() == 0
    assert not Coupon.objects.filter(state="issued").exists()


def test_one_person_who_presses_the_button_eight_times_takes_part_once(people: list[int], clock: Clock) -> None:
    made, person = challenge(clock), Customer.objects.get(pk=people[0])

    def join() -> int:
        return participants.join(made, person, at=clock.now).pk

    assert len(set(all_well(together(*[join] * THREADS)))) == 1
    assert Participation.objects.count() == 1


def test_orders_settled_by_eight_workers_give_once_and_are_paid_out_once(people: list[int], clock: Clock) -> None:
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency="EUR", at=START, amount_minor=50)
    references = list(Order.objects.values_list("reference", flat=True))
    all_well(together(*[lambda: giving.settle(references, at=clock.now)] * THREADS))
    assert Contribution.objects.count() == ORDERS

    def pay(key: str) -> Callable[[], Any]:
        month = date(2026, 3, 1)
        return lambda: causes.pay_out(
            forest, currency="EUR", amount_minor=ORDERS * 50, first_month=month, last_month=month, by="sam", key=key,
            at=clock.now,
        )  # fmt: skip

    results = together(*[pay(f"k{number}") for number in range(THREADS)])
    assert sum(isinstance(result, causes.MoreThanOwed) for result in results) == THREADS - 1
    assert Payout.objects.get().amount_minor == ORDERS * 50


def test_donations_settled_by_eight_workers_are_owed_once(people: list[int], clock: Clock) -> None:
    start(worth="0.01")
    forest = Cause.objects.create(name="Forest")
    tree = Reward.objects.create(
        name="A tree", kind="donation", cost=100, cause=forest, active=True, created_at=clock.now
    )  # fmt: skip
    points.grant([(f"gift:{one}", one, "") for one in people], points=500, source="test", at=clock.now)
    members = Customer.objects.in_bulk(people)
    made = [
        claims.claim(tree, members[one], key=f"{one}:{number}", at=clock.now).pk
        for one in people
        for number in range(5)
    ]  # fmt: skip
    all_well(together(*[lambda: donations.settle(made, at=clock.now)] * THREADS))
    assert Donation.objects.count() == PEOPLE * 5
    assert causes.owed_of(forest, "EUR") == PEOPLE * 500


@pytest.mark.postgres
def test_without_the_row_locks_it_goes_wrong(people: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: two read what stands before either has written, and the constraint refuses the second."""

    def unlocked(rows: QuerySet[Model]) -> list[Any]:
        return list(rows.order_by("pk"))

    monkeypatch.setattr(gifts, "hold", unlocked)
    made = plan(4, points=10)
    # rows that are there: inserting them would make one wait for the other
    GiftProgress.objects.bulk_create(
        GiftProgress(plan=made, customer_id=person, counted_at=clock.now) for person in people
    )
    results = together(*[lambda: gifts.settle(people, at=clock.now)] * THREADS)
    refused = [result for result in results if isinstance(result, IntegrityError)]
    assert refused, "without locks two should have met"
    assert all("loyalty_present_once_per" in str(error) for error in refused)
    assert Present.objects.standing().count() == PEOPLE * 2  # the constraint held all the same
