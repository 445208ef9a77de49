"""What happens where points that must go back were spent already: the programme's choice."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import Account
from loyalty.services import awards, corrections, points, verifying
from loyalty.services.points import Posting
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, award, join, ledger, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def spend(user: Any, amount: int, clock: Clock) -> None:
    """Take points away as a purchase would, so far as the ledger is concerned."""
    corrections.correct(who(user), amount=-amount, reason="spent", author="staff", key=f"{amount}", at=clock.now)


def cancel(shop: FakeShop, order: str, clock: Clock, drain: Drain) -> None:
    shop.mark(order, "cancelled")
    drain(clock.now)


def test_may_owe_goes_below_zero_and_later_points_fill_the_hole(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(debt_policy="owe")
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    spend(user, 30, clock)
    cancel(shop, order, clock, drain)
    assert account(user) == (-30, 0)
    assert Account.objects.get().owed == 30
    shop.place(user=user, total=Decimal("50.00"))
    drain(clock.now)
    assert account(user) == (20, 0)
    assert Account.objects.get().owed == 0


def test_down_to_zero_forgives_the_rest_for_good(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(debt_policy="zero")
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    spend(user, 30, clock)
    cancel(shop, order, clock, drain)
    assert account(user) == (0, 0)
    assert (award(order).balance, award(order).forgiven) == (30, 30)
    shop.place(user=user, total=Decimal("50.00"))
    drain(clock.now)
    awards.settle({order: clock.now})
    assert account(user) == (50, 0)


def test_what_was_forgiven_is_not_given_twice_when_the_order_is_on_again(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(debt_policy="zero")
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    spend(user, 30, clock)
    cancel(shop, order, clock, drain)
    shop.reinstate(order)
    drain(clock.now)
    assert account(user) == (10, 0)  # 40 earned, 30 spent
    assert (award(order).balance, award(order).forgiven) == (40, 0)
    assert [entry for entry in ledger(user) if entry[0] in ("award", "clawback")] == [
        ("award", "balance", 40), ("clawback", "balance", -10), ("award", "balance", 10)
    ]  # fmt: skip


def test_pending_only_never_takes_what_has_opened(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(debt_policy="pending", pending_days=1)
    user = join()
    opened = shop.place(user=user)
    drain(clock.now)
    awards.open_due(at=clock.forward(days=1), limit=10)
    waiting = shop.place(user=user, total=Decimal("25.00"))
    drain(clock.now)
    cancel(shop, opened, clock, drain)
    cancel(shop, waiting, clock, drain)
    assert account(user) == (40, 0)
    assert award(opened).forgiven == 40


def test_two_refunds_in_one_round_share_what_the_account_has(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(debt_policy="zero")
    user = join()
    orders = [shop.place(user=user) for _ in range(2)]
    drain(clock.now)
    spend(user, 50, clock)
    for order in orders:
        shop.mark(order, "cancelled")
    drain(clock.now)
    assert account(user) == (0, 0)
    assert sorted(award(order).forgiven for order in orders) == [10, 40]


def test_a_rule_never_leads_below_zero(shop: FakeShop, clock: Clock) -> None:
    start()
    user = join()
    points.grant([("gift", who(user).pk, "")], points=10, source="test", at=clock.now)
    taking = Posting(key="rule", customer=who(user).pk, points=-11, kind=points.Kind.GRANT, at=clock.now)
    with pytest.raises(points.NotEnough):
        points.post([taking], at=clock.now)
    assert account(user) == (10, 0)


def test_the_database_refuses_a_balance_below_what_is_owed(shop: FakeShop, clock: Clock) -> None:
    start()
    user = join()
    points.grant([("gift", who(user).pk, "")], points=10, source="test", at=clock.now)
    with pytest.raises(IntegrityError, match="loyalty_balance_covered"), transaction.atomic():
        Account.objects.update(balance=-1)
    with pytest.raises(IntegrityError, match="loyalty_pending_not_negative"), transaction.atomic():
        Account.objects.update(pending=-1)
    assert account(user) == (10, 0)
