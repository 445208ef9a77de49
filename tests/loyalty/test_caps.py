"""Limits a day, a month and in all: never above, and what they stop leaves an entry that says which one it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import Account, CapTally, Entry, Lot, OrderAward, Programme
from loyalty.services import actions, awards, promises, rules, verifying
from loyalty.services.actions import Done
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, award, join, ledger, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def stopped() -> list[dict[str, Any]]:
    """Return what each entry of no points says."""
    rows = Entry.objects.filter(kind="capped").order_by("pk")
    assert all(row.points == 0 for row in rows)
    return [{key: row.breakdown[key] for key in ("stopped", "limit", "most")} for row in rows]


def used() -> dict[str, int]:
    return dict(CapTally.objects.filter(used__gt=0).order_by("period").values_list("period", "used"))


def review(user: Any, at: datetime, *things: str) -> None:
    me = who(user).pk
    actions.did([Done(action="review", customer=me, subject=thing, at=at) for thing in things], at=at)


def test_an_order_that_comes_to_be_in_a_currency_without_a_rate_uses_no_limit(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(cap_day=100, cap_orders=True)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    assert used() == {"day": 40}
    shop._change(order, currency="GBP")
    drain(clock.now)
    assert (account(user), used()) == ((0, 0), {})


def test_an_order_that_a_limit_stopped_keeps_points_alive_that_end_without_orders(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(expires="inactive", expires_after=100, cap_month=40, cap_orders=True, expiry_since=START)
    user, begun = join(), clock.now
    for days, ends in ((0, 100), (10, 110)):
        shop.place(user=user, at=clock.now)
        drain(clock.now)
        assert account(user) == (40, 0)
        [lot] = Lot.objects.all()
        assert lot.expires_at == begun + timedelta(days=ends), days
        clock.forward(days=10)


def test_actions_stop_at_the_tightest_limit_and_the_ledger_says_which(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_day=12, cap_month=20)
    actions.set_rule(programme, action="review", points=5, often="thing", at=START)
    user = join()
    review(user, clock.now, "a", "b", "c", "d")
    assert account(user) == (12, 0)
    assert stopped() == [{"stopped": 3, "limit": "day", "most": 12}, {"stopped": 5, "limit": "day", "most": 12}]
    review(user, clock.forward(days=1), "e", "f")
    assert account(user) == (20, 0)
    assert stopped()[2:] == [{"stopped": 2, "limit": "month", "most": 20}]
    review(user, clock.forward(days=31), "g")
    assert account(user) == (25, 0)


def test_a_day_is_the_shops_day(shop: FakeShop, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Asia/Tokyo"}
    programme = start(cap_day=5)
    actions.set_rule(programme, action="review", points=5, often="thing", at=START)
    user = join()
    review(user, datetime(2026, 3, 2, 14, 59, tzinfo=UTC), "a")
    review(user, datetime(2026, 3, 2, 15, 1, tzinfo=UTC), "b")  # after midnight there
    review(user, datetime(2026, 3, 3, 14, 59, tzinfo=UTC), "c")
    assert account(user) == (10, 0)


def test_a_limit_in_all_lasts_as_long_as_the_programme(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_total=7)
    actions.set_rule(programme, action="review", points=5, often="thing", at=START)
    user = join()
    review(user, clock.now, "a")
    review(user, clock.forward(days=700), "b")
    assert account(user) == (7, 0)
    assert stopped() == [{"stopped": 3, "limit": "all", "most": 7}]


def test_a_limit_of_zero_gives_nothing_and_still_says_so(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_day=0)
    actions.set_rule(programme, action="review", points=5, often="thing", at=START)
    user = join()
    review(user, clock.now, "a")
    assert account(user) == (0, 0)
    assert stopped() == [{"stopped": 5, "limit": "day", "most": 0}]


def test_of_orders_limits_hold_for_what_rules_add_and_not_for_the_rate(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(cap_day=50)
    rules.set_rule(programme, at=START, name="Double", times=Decimal(2))
    user = join()
    orders = [shop.place(user=user) for _ in range(2)]
    drain(clock.now)
    assert [(award(order).earned, award(order).stopped) for order in orders] == [(80, 0), (80, 30)]
    assert account(user) == (130, 0)
    assert stopped() == [{"stopped": 30, "limit": "day", "most": 50}]
    assert used() == {"day": 50}
    assert promises.for_order(shop.orders[shop.place(user=user)]) == 40


def test_where_the_merchant_says_so_they_hold_for_all_that_orders_earn(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(cap_day=50, cap_orders=True)
    user = join()
    first, second = shop.place(user=user), shop.place(user=user)
    assert promises.for_order(shop.orders[second]) == 40
    drain(clock.now)
    assert (award(first).balance, award(second).balance, account(user)) == (40, 10, (50, 0))
    third = shop.place(user=user, at=clock.forward(days=1))
    assert promises.for_order(shop.orders[third]) == 40
    drain(clock.now)
    assert account(user) == (90, 0)


def test_a_capped_order_that_is_refunded_has_what_the_rest_would_have_had(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(cap_day=30, cap_orders=True)
    user = join()
    order = shop.place(user=user, total=Decimal("100.00"))
    drain(clock.now)
    assert (account(user), award(order).stopped) == ((30, 0), 70)
    shop.refund(order, Decimal("50.00"))
    drain(clock.now)
    assert (account(user), award(order).stopped, used()) == ((30, 0), 20, {"day": 30})
    shop.refund(order, Decimal("40.00"))
    drain(clock.now)
    assert (account(user), award(order).stopped, used()) == ((10, 0), 0, {"day": 10})


def test_a_cancelled_order_makes_room_and_what_was_stopped_stays_so(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(cap_day=50, cap_orders=True)
    user = join()
    first, second = shop.place(user=user), shop.place(user=user)
    drain(clock.now)
    shop.mark(first, "cancelled")
    drain(clock.now)
    assert (account(user), award(second).stopped, used()) == ((10, 0), 30, {"day": 10})
    third = shop.place(user=user)
    drain(clock.now)
    assert (account(user), award(third).stopped) == ((50, 0), 0)
    shop.reinstate(first)
    drain(clock.now)
    assert (account(user), award(first).stopped) == ((50, 0), 40)
    awards.settle(dict.fromkeys((first, second, third), clock.now))
    assert account(user) == (50, 0)


def test_an_order_that_changes_hands_leaves_one_limit_and_meets_the_other(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(cap_day=50, cap_orders=True)
    first, second = join("ada@example.com"), join("bob@example.com")
    shop.place(user=second, email="bob@example.com", total=Decimal("35.00"))
    order = shop.place(user=first)
    drain(clock.now)
    shop._change(order, user_id=second.pk)
    drain(clock.now)
    assert (account(first), account(second)) == ((0, 0), (50, 0))
    assert sorted(CapTally.objects.values_list("account__customer__user", "used")) == sorted(
        [(first.pk, 0), (second.pk, 50)]
    )


def test_an_order_awarded_before_there_was_a_limit_keeps_its_points(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    user = join()
    order = shop.place(user=user, total=Decimal("100.00"))
    drain(clock.now)
    Programme.objects.filter(pk=programme.pk).update(cap_day=10, cap_orders=True)
    awards.settle({order: clock.now})
    shop.refund(order, Decimal("20.00"))
    drain(clock.now)
    assert account(user) == (80, 0)
    assert CapTally.objects.count() == 0


def test_a_limit_that_is_lowered_takes_nothing_back_and_lets_no_more_through(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(cap_day=50, cap_orders=True)
    user = join()
    shop.place(user=user)
    drain(clock.now)
    Programme.objects.filter(pk=programme.pk).update(cap_day=20)
    shop.place(user=user)
    drain(clock.now)
    assert account(user) == (40, 0)
    Programme.objects.filter(pk=programme.pk).update(cap_day=60)
    shop.place(user=user)
    drain(clock.now)
    assert account(user) == (60, 0)


def test_pending_points_count_when_they_are_earned(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(cap_day=50, cap_orders=True, pending_days=14)
    user = join()
    for _ in range(2):
        shop.place(user=user)
    drain(clock.now)
    assert account(user) == (0, 50)
    awards.open_due(at=clock.forward(days=14), limit=10)
    assert account(user) == (50, 0)
    assert OrderAward.objects.filter(stopped=30).count() == 1
    assert ledger(user)[1] == ("capped", "balance", 0)


def test_the_database_refuses_a_tally_above_its_limit(shop: FakeShop, clock: Clock) -> None:
    programme = start(cap_day=5)
    actions.set_rule(programme, action="review", points=5, often="thing", at=START)
    user = join()
    review(user, clock.now, "a")
    with pytest.raises(IntegrityError), transaction.atomic():
        CapTally.objects.update(used=6)
    assert Account.objects.get().balance == 5
