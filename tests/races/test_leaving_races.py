"""Leaving, coming back, writing off, ordering and claiming at once: one absence at a time, and the books agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Absence, Account, Claim, Entry, OrderAward, Reward
from loyalty.services import awards, claims, forfeits, leaving, points, verifying
from retention.models import Customer, Order
from retention.testing.clock import Clock
from tests.loyalty.till import start, table
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


@pytest.fixture
def ada(clock: Clock) -> Customer:
    start()
    table(("Silver", 1000))
    return Customer.objects.create(kind="member", address="ada@example.com", created_at=clock.now)


def order(ada: Customer, clock: Clock, name: str, *, after: timedelta = timedelta(0)) -> str:
    at = clock.now + after
    made = Order.objects.create(
        reference=name, number=name, customer=ada, currency="EUR", items_minor=1000, total_minor=1000, placed_at=at,
        paid_at=at, first_seen_at=at, read_at=at,
    )  # fmt: skip
    return made.reference


def state() -> tuple[int, bool]:
    """Return how many absences are open, and whether the account says the same."""
    still = Absence.objects.open().count()
    return still, Account.objects.get().left_at is not None


def test_eight_who_leave_at_once_leave_once_and_eight_who_come_back_do(ada: Customer, clock: Clock) -> None:
    awards.settle({order(ada, clock, "A"): clock.now})
    all_well(together(*[lambda: leaving.leave(ada, at=clock.now + SECOND)] * 8))
    assert (Absence.objects.count(), Account.objects.get().absences, state()) == (1, 1, (1, True))
    came = all_well(together(*[lambda: leaving.come_back(ada, at=clock.now + 2 * SECOND)] * 8))
    assert sorted(came) == [False] * 7 + [True]
    assert (state(), Account.objects.get().balance) == ((0, False), 10)
    assert list(verifying.differences()) == []


def test_whoever_is_quicker_points_are_written_off_whole_or_not_at_all(ada: Customer, clock: Clock) -> None:
    last = timedelta(days=30)
    for number in range(6):
        awards.settle({order(ada, clock, f"A{number}"): clock.now})
        clock.forward(seconds=1)
        gone = leaving.leave(ada, at=clock.now)
        late = clock.now + last
        all_well(
            together(
                lambda late=late: leaving.come_back(ada, at=late - SECOND),
                lambda late=late: forfeits.write_off_due(at=late),
                lambda gone=gone, late=late: forfeits.write_off([gone.pk], at=late),
                lambda late=late: leaving.come_back(ada, at=late - SECOND),
            )
        )
        gone.refresh_from_db()
        assert state() == (0, False)
        forfeited = Entry.objects.filter(kind="forfeit").exists()
        assert (gone.given_up_at is not None) == forfeited
        assert Account.objects.get().balance == (0 if forfeited else 10)
        assert list(verifying.differences()) == []
        if not forfeited:
            points.post(
                [points.Posting(key=f"empty:{number}", customer=ada.pk, points=-10, kind=points.Kind.CORRECTION,
                                at=clock.now)],
                at=clock.now,
            )  # fmt: skip
        else:
            break
        clock.forward(days=31)


def test_orders_claims_and_gifts_of_somebody_who_comes_and_goes(ada: Customer, clock: Clock) -> None:
    terms = Terms(kind="amount", valid_days=900, money=(Money(currency="EUR", amount=500),))
    offer = offers.create(slug="five", name="Five off", terms=terms, at=clock.now)
    wanted = Reward.objects.create(name="5 off", cost=3, offer=offer, active=True, created_at=clock.now)
    names = [order(ada, clock, f"A{number}", after=number * 10 * SECOND) for number in range(12)]
    late = clock.now + timedelta(minutes=10)

    def comer() -> None:
        for number in range(6):
            leaving.leave(ada, at=clock.now + (number * 20 + 5) * SECOND)
            leaving.come_back(ada, at=clock.now + (number * 20 + 15) * SECOND)

    def settler(mine: list[str]) -> Callable[[], None]:
        def work() -> None:
            for name in mine:
                awards.settle({name: late})

        return work

    def claimer() -> None:
        for number in range(20):
            try:
                claims.claim(wanted, ada, key=f"c{number}", at=late)
            except claims.Refused:
                continue

    def giver() -> None:
        for number in range(10):
            points.grant([(f"g{number}", ada.pk, "")], points=1, source="race", at=late)

    all_well(together(comer, settler(names), settler(names[::-1]), claimer, giver))
    leaving.leave(ada, at=late)
    leaving.follow([ada.pk], at=late)
    awards.settle(dict.fromkeys(names, late))
    placed_out = [f"A{number}" for number in range(12) if number % 2]
    stand = dict(OrderAward.objects.values_list("order", "balance"))
    assert {name: stand[name] for name in names} == {name: 0 if name in placed_out else 10 for name in names}
    assert not Claim.objects.filter(state=Claim.State.RESERVED).exists()
    assert (state(), Account.objects.get().held) == ((1, True), 0)
    assert list(verifying.differences()) == []
