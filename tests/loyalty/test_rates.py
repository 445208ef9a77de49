"""Rates have versions: one that has awarded is superseded, never edited."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import OrderAward, Programme, Rate
from loyalty.services import programmes, promises
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, join, rating, start

Drain = Callable[[datetime], None]


def versions() -> list[tuple[Decimal, bool]]:
    """Return points of each version and whether it is in force."""
    rows = Rate.objects.order_by("pk").values_list("points", "superseded_at")
    return [(points, until is None) for points, until in rows]


def test_a_rate_that_has_awarded_nothing_is_rewritten(db: None, clock: Clock) -> None:
    programme = start(rate="1")
    rating(programme, "2", at=clock.now)
    assert versions() == [(Decimal(2), True)]
    assert Rate.objects.get().starts_at == START


def test_a_rate_that_has_awarded_is_superseded(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start(rate="1")
    shop.place(user=join())
    drain(clock.now)
    rating(programme, "2", at=clock.forward(days=1))
    assert versions() == [(Decimal(1), False), (Decimal(2), True)]
    assert Rate.objects.earliest("pk").superseded_at == clock.now
    rating(programme, "2", at=clock.forward(days=1))
    assert len(versions()) == 2, "the same rate again is no new version"


def test_an_order_that_is_paid_later_earns_by_the_rate_that_it_was_promised(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(rate="1")
    user = join()
    shop.place(user=user)
    drain(clock.now)
    rating(programme, "3", at=clock.forward(days=1))
    order = shop.place(user=user, at=clock.forward(hours=1), paid_at=None)
    drain(clock.now)
    rating(programme, "1", at=clock.forward(days=1))
    assert versions() == [(Decimal(1), False), (Decimal(3), False), (Decimal(1), True)]
    shop.mark(order, "paid")
    drain(clock.now)
    assert account(user) == (40 + 120, 0)


def test_the_rate_in_force_when_the_order_was_placed_counts_and_the_first_reaches_back(db: None, clock: Clock) -> None:
    programme = Programme.objects.create(name="Points", active=True)
    for days, points in ((0, 1), (10, 2), (20, 3)):
        at = START + timedelta(days=days)
        Rate.objects.filter(superseded_at=None).update(superseded_at=at)
        Rate.objects.create(programme=programme, currency="EUR", points=points, starts_at=at)
    running = programmes.running()
    assert running is not None

    def points(days: float) -> Decimal:
        rate = running.rate("EUR", placed_at=START + timedelta(days=days))
        assert rate is not None
        return rate.points

    assert [points(days) for days in (-100, 0, 9.9, 10, 19.9, 20, 500)] == [1, 1, 1, 2, 2, 3, 3]
    assert running.rate("GBP", placed_at=START) is None


def test_orders_of_before_the_first_rate_earn_nothing_whatever_happens_to_them_later(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    user = join()
    one, two = shop.place(user=user, total=Decimal(100)), shop.place(user=user, total=Decimal(200))
    drain(clock.now)
    programme = Programme.objects.create(name="Points", active=True, pending_days=0)
    rating(programme, "1", at=clock.forward(days=30))
    assert promises.for_reference(one) == 0
    shop.refund(two, Decimal(20))
    shop.mark(one, "fulfilled")
    drain(clock.now)
    assert not OrderAward.objects.exists()
    shop.place(user=user, total=Decimal(50), at=clock.now)
    drain(clock.now)
    assert account(user) == (50, 0)


def test_the_database_refuses_a_rate_of_zero_and_two_at_once(db: None) -> None:
    programme = start()
    with pytest.raises(IntegrityError, match="loyalty_rate_above_zero"), transaction.atomic():
        Rate.objects.create(programme=programme, currency="GBP", points=0, starts_at=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rate.objects.create(programme=programme, currency="EUR", points=1, starts_at=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        Programme.objects.create(name="Second", active=True)
