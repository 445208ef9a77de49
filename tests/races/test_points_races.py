"""Many workers at once on the same orders and accounts: nothing lost, nothing twice.

The negative control takes the row locks off and must go wrong; otherwise these tests prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Model, QuerySet

from loyalty.models import Account, Entry, OrderAward, Programme
from loyalty.services import awards, corrections, points, spending, tiers, verifying
from retention.models import Customer, Order, Refund
from retention.testing.clock import Clock
from tests.loyalty.till import start, table
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, PEOPLE, ORDERS = 8, 5, 60


@pytest.fixture
def orders(clock: Clock) -> list[str]:
    """Sixty paid orders of 40.00 of five members, every third of them refunded by half."""
    start(pending_days=1)
    people = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{number}@example.com", created_at=clock.now) for number in range(PEOPLE)
    )
    made = Order.objects.bulk_create(
        Order(
            reference=f"A{number}", number=f"A{number}", customer=people[number % PEOPLE], currency="EUR",
            items_minor=4000, total_minor=4000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now,
            read_at=clock.now,
        )
        for number in range(ORDERS)
    )  # fmt: skip
    Refund.objects.bulk_create(
        Refund(order=order, reference="r", amount_minor=2000, at=clock.now) for order in made[::3]
    )
    return [order.reference for order in made]


def settler(number: int, orders: list[str], clock: Clock, *, later: timedelta = timedelta(0)) -> Callable[[], None]:
    """Settle all orders twice, in batches of one's own, in an order of one's own."""

    def work() -> None:
        random = Random(number)
        mine = orders * 2
        random.shuffle(mine)
        while mine:
            batch, mine = mine[:7], mine[7:]
            awards.settle(dict.fromkeys(batch, clock.now + later))

    return work


WANTED = (ORDERS - ORDERS // 3) * 40 + ORDERS // 3 * 20


def total(column: str) -> int:
    return sum(Account.objects.values_list(column, flat=True))


def test_eight_workers_settle_the_same_orders_once(orders: list[str], clock: Clock) -> None:
    all_well(together(*[settler(number, orders, clock) for number in range(THREADS)]))
    assert Entry.objects.count() == ORDERS
    assert (total("pending"), total("balance")) == (WANTED, 0)
    assert list(verifying.differences()) == []


def test_opening_corrections_and_refunds_at_once_lose_nothing(orders: list[str], clock: Clock) -> None:
    awards.settle(dict.fromkeys(orders, clock.now))
    later = timedelta(days=1)
    people = list(Customer.objects.order_by("pk"))

    def opener() -> None:
        while awards.open_due(at=clock.now + later, limit=9):
            pass

    def refund() -> None:
        for order in Order.objects.filter(refunds=None).order_by("pk")[:10]:
            Refund.objects.create(order=order, reference="late", amount_minor=1000, at=clock.now)
            awards.settle({order.reference: clock.now + later})

    def correct(author: str) -> Callable[[], None]:
        def work() -> None:
            for number in range(10):
                for person in people:
                    key = f"{author}:{number}:{person.pk}"
                    corrections.correct(person, amount=3, reason="race", author=author, key=key, at=clock.now)

        return work

    all_well(together(opener, opener, settler(1, orders, clock, later=later), refund, correct("a"), correct("b")))
    all_well(together(opener))
    assert total("pending") == 0
    assert total("balance") == WANTED - 10 * 10 + 2 * 10 * PEOPLE * 3
    assert not OrderAward.objects.exclude(pending=0).exists()
    assert list(verifying.differences()) == []


def test_one_key_given_by_eight_workers_is_one_entry(clock: Clock) -> None:
    person = Customer.objects.create(kind="member", address="ada@example.com", created_at=clock.now)

    def give() -> int:
        return len(points.grant([("gift", person.pk, "")], points=10, source="race", at=clock.now))

    assert sorted(all_well(together(*[give] * THREADS))) == [0] * (THREADS - 1) + [1]
    assert Account.objects.get().balance == 10


def test_tiers_computed_by_many_at_once_move_everybody_once(orders: list[str], clock: Clock) -> None:
    table(("Silver", 1000))
    people = list(Customer.objects.values_list("pk", flat=True))
    written = all_well(
        together(
            *[lambda: tiers.recompute(at=clock.now)] * 4,
            *[lambda: tiers.recompute(at=clock.now, customers=people)] * 4,
        )
    )
    assert sum(written) == PEOPLE


BUYERS, BALANCES = 16, 40


def spree(clock: Clock) -> tuple[list[int], list[Callable[[], int]]]:
    """Forty members with 50 points that end and 50 that do not; sixteen who spend 15 of each, giving some back.

    Each worker returns how many points it has spent for good.
    """
    programme = start()
    people = [
        person.pk
        for person in Customer.objects.bulk_create(
            Customer(kind="member", address=f"{number}@example.com", created_at=clock.now) for number in range(BALANCES)
        )
    ]
    points.grant([(f"a{pk}", pk, "") for pk in people], points=50, source="race", at=clock.now)
    Programme.objects.filter(pk=programme.pk).update(expires="days", expires_after=30, expiry_since=clock.now)
    points.grant([(f"b{pk}", pk, "") for pk in people], points=50, source="race", at=clock.now)

    def buyer(number: int) -> Callable[[], int]:
        def work() -> int:
            mine = list(people)
            Random(number).shuffle(mine)
            gone = 0
            for pk in mine:
                key = f"{number}:{pk}"
                try:
                    spending.spend(pk, amount=15, key=key, source="race", at=clock.now)
                except points.NotEnough:
                    continue
                gone += 15
                if (number + pk) % 3 == 0:
                    spending.give_back(key, source="race", at=clock.now)
                    gone -= 15
            return gone

        return work

    return people, [buyer(number) for number in range(BUYERS)]


def test_sixteen_who_spend_forty_balances_at_once_overdraw_none_and_lose_nothing(clock: Clock) -> None:
    _, buyers = spree(clock)
    gone = sum(all_well(together(*buyers)))
    assert total("balance") == BALANCES * 100 - gone
    assert Account.objects.filter(balance__lt=0).count() == 0
    assert 0 < gone <= BALANCES * 90  # of a hundred, six times fifteen
    assert list(verifying.differences()) == []


@pytest.mark.postgres
def test_without_row_locks_who_spends_at_once_loses_points(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    _, buyers = spree(clock)
    monkeypatch.setattr("loyalty.services.points.hold", lambda rows: list(rows.order_by("pk")))
    results = together(*buyers)
    refused = [result for result in results if isinstance(result, Exception)]
    assert refused or list(verifying.differences()), "the race was not one: nothing went wrong without locks"


@pytest.mark.postgres
def test_without_row_locks_the_same_race_goes_wrong(
    orders: list[str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlocked(rows: QuerySet[Model]) -> list[Any]:
        return list(rows.order_by("pk"))

    for place in ("loyalty.services.awards.hold", "loyalty.services.points.hold"):
        monkeypatch.setattr(place, unlocked)
    results = together(*[settler(number, orders, clock) for number in range(THREADS)])
    refused = [result for result in results if isinstance(result, IntegrityError)]
    assert refused or list(verifying.differences()), "the race was not one: nothing went wrong without locks"
