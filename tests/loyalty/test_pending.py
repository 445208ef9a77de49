"""Points are pending until the return window closes: visible, not spendable."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.models import Entry
from loyalty.services import awards, verifying
from retention import registry
from retention.models import Order
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, award, join, ledger, start

Drain = Callable[[datetime], None]


def test_points_open_when_the_window_after_payment_has_closed(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    assert account(user) == (0, 40)
    assert award(order).opens_at == clock.now + timedelta(days=14)
    assert awards.open_due(at=clock.forward(days=13, hours=23), limit=10) == 0
    assert account(user) == (0, 40)
    assert awards.open_due(at=clock.forward(hours=1), limit=10) == 1
    assert account(user) == (40, 0)
    assert ledger(user) == [("award", "pending", 40), ("open", "pending", -40), ("open", "balance", 40)]
    assert awards.open_due(at=clock.forward(days=1), limit=10) == 0
    assert Entry.objects.count() == 3
    assert list(verifying.differences()) == []


def test_points_wait_for_the_order_to_be_sent_where_the_programme_says_so(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=7, pending_from="fulfilled")
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    assert award(order).opens_at is None
    assert awards.open_due(at=clock.forward(days=100), limit=10) == 0
    shop.mark(order, "fulfilled")
    drain(clock.now)
    assert account(user) == (0, 40)
    assert award(order).opens_at == clock.now + timedelta(days=7)
    assert awards.open_due(at=clock.forward(days=7), limit=10) == 1
    assert account(user) == (40, 0)


def test_one_order_beyond_all_measure_keeps_no_other_from_opening(
    shop: FakeShop, clock: Clock, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    start(pending_days=14)
    users = [join(f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    _, two, _ = (shop.place(user=user, email=user.email) for user in users)
    drain(clock.now)
    Order.objects.filter(reference=two).update(items_minor=10**18, total_minor=10**18)
    clock.forward(days=15)
    assert awards.open_due(at=clock.now, limit=10) == 2
    assert [account(user) for user in users] == [(40, 0), (0, 40), (40, 0)]
    assert f"order {two} would earn more points than any shop means" in caplog.text
    Order.objects.filter(reference=two).update(items_minor=4000, total_minor=4000)
    assert awards.open_due(at=clock.now, limit=10) == 1
    assert account(users[1]) == (40, 0)


def test_speed_divides_the_window(shop: FakeShop, clock: Clock, drain: Drain, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "SPEED": 1440}
    start(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    assert award(order).opens_at == clock.now + timedelta(minutes=14)


def test_a_refund_within_the_window_takes_pending_points(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.refund(order, Decimal("10.00"), at=clock.forward(days=1))
    drain(clock.now)
    assert account(user) == (0, 30)
    awards.open_due(at=clock.forward(days=14), limit=10)
    assert account(user) == (30, 0)


def test_an_order_cancelled_within_the_window_never_opens(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.mark(order, "cancelled", at=clock.forward(days=1))
    drain(clock.now)
    assert awards.open_due(at=clock.forward(days=30), limit=10) == 0
    assert ledger(user) == [("award", "pending", 40), ("clawback", "pending", -40)]


def test_a_refund_read_in_the_very_round_that_opens_takes_pending_points_first(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=14, debt_policy="pending")
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.refund(order, Decimal("10.00"), at=clock.forward(days=14))
    drain(clock.now)
    assert account(user) == (30, 0)
    assert ledger(user)[1:] == [("clawback", "pending", -10), ("open", "pending", -30), ("open", "balance", 30)]


def test_what_has_opened_stays_open_whatever_the_shop_says_of_its_times(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=1)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    awards.open_due(at=clock.forward(days=1), limit=10)
    shop._change(order, paid_at=clock.now)
    drain(clock.now)
    assert account(user) == (40, 0)


def test_an_award_keeps_the_window_that_it_was_awarded_under(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start(pending_days=14)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    programme.pending_days = 30
    programme.save()
    awards.settle({order: clock.now})
    assert award(order).opens_at == clock.now + timedelta(days=14)


def test_the_tick_opens_many_orders_in_small_rounds(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=1)
    user = join()
    for _ in range(250):
        shop.place(user=user, total=Decimal("1.00"))
    drain(clock.now)
    assert account(user) == (0, 250)
    assert registry.ticks["loyalty.open"].run(clock.forward(days=1)) == 250
    assert account(user) == (250, 0)
    assert list(verifying.differences()) == []
