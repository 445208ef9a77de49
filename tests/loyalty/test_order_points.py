"""An order's points are a function of its facts and its recorded terms."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.facts import PointsAwarded, PointsTakenBack
from loyalty.models import Account, Entry, OrderAward, Programme
from loyalty.services import awards, verifying
from retention.models import Fact
from retention.services import customers
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, award, join, ledger, rating, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def told(kind: type) -> list[tuple[int, str]]:
    rows = Fact.objects.filter(kind=kind.kind).order_by("pk")
    return [(row.payload["points"], row.payload["order"]) for row in rows]


def test_a_paid_order_earns_by_the_rate_of_its_currency(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(rate="2")
    user = join()
    order = shop.place(user=user, total=Decimal("45.00"), items=Decimal("40.99"), shipping=Decimal("4.01"))
    drain(clock.now)
    assert account(user) == (81, 0)
    assert ledger(user) == [("award", "balance", 81)]
    entry = Entry.objects.get()
    assert (entry.order, entry.basis_minor, entry.currency, entry.rate) == (order, 4099, "EUR", Decimal(2))
    assert entry.breakdown == {
        "earned": 81, "refund_policy": "proportional", "refunded_minor": 0, "cause": "paid"
    }  # fmt: skip
    assert told(PointsAwarded) == [(81, order)]


def test_the_same_order_told_twenty_times_earns_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    for _ in range(20):
        shop.mark(order, "paid")
        drain(clock.now)
        awards.settle({order: clock.now})
    assert account(user) == (40, 0)
    assert Entry.objects.count() == 1


def test_an_order_that_is_not_paid_earns_nothing_until_it_is(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user, paid_at=None)
    drain(clock.now)
    assert OrderAward.objects.count() == 0
    shop.mark(order, "paid", at=clock.forward(hours=1))
    drain(clock.now)
    assert account(user) == (40, 0)


def test_a_cancelled_order_gives_back_by_what_was_awarded_not_by_the_rate_of_today(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(rate="1")
    user = join()
    order = shop.place(user=user, total=Decimal("50.00"))
    drain(clock.now)
    rating(programme, "2", at=clock.forward(days=1))
    shop.mark(order, "cancelled", at=clock.forward(days=1))
    drain(clock.now)
    assert ledger(user) == [("award", "balance", 50), ("clawback", "balance", -50)]
    assert account(user) == (0, 0)
    assert told(PointsTakenBack) == [(50, order)]


def test_a_partial_refund_takes_its_share_by_the_recorded_rate(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start(rate="1")
    user = join()
    order = shop.place(user=user, total=Decimal("50.00"))
    drain(clock.now)
    rating(programme, "2", at=clock.forward(days=1))
    shop.refund(order, Decimal("12.30"))
    drain(clock.now)
    # floor(50 × 1230 / 5000) = 12
    assert ledger(user)[1:] == [("clawback", "balance", -12)]
    shop.refund(order, Decimal("37.70"))
    drain(clock.now)
    assert account(user) == (0, 0)


def test_an_order_placed_before_a_new_rate_keeps_the_rate_of_its_day(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(rate="1")
    user = join()
    early = shop.place(user=user, total=Decimal("10.00"))
    drain(clock.now)
    before = shop.place(user=user, total=Decimal("10.00"), paid_at=None)
    rating(programme, "3", at=clock.forward(days=1))
    after = shop.place(user=user, total=Decimal("10.00"), at=clock.forward(seconds=1))
    shop.mark(before, "paid")
    drain(clock.now)
    assert [award(reference).earned for reference in (early, before, after)] == [10, 10, 30]


def test_refund_before_payment_ends_as_payment_before_refund(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user, paid_at=None)
    shop.refund(order, Decimal("10.00"))
    drain(clock.now)
    assert account(user) == (0, 0)
    shop.mark(order, "paid")
    drain(clock.now)
    assert account(user) == (30, 0)


def test_a_cancelled_order_that_is_taken_up_again_has_its_points_again(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.mark(order, "cancelled")
    drain(clock.now)
    shop.reinstate(order)
    drain(clock.now)
    assert [points for _, _, points in ledger(user)] == [40, -40, 40]
    assert account(user) == (40, 0)


def test_an_order_whose_goods_change_is_worth_what_they_are_now(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop._change(order, items=Decimal("25.00"), total=Decimal("25.00"))
    drain(clock.now)
    assert account(user) == (25, 0)
    assert award(order).basis_minor == 2500


def test_a_guest_holds_no_points_until_the_order_is_claimed(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    order = shop.place(email="ada@example.com")
    drain(clock.now)
    assert (Account.objects.count(), OrderAward.objects.count()) == (0, 0)
    user = join("ada@example.com")
    assert shop.claim_order(order, user=user)
    shop._tell("claimed", order)
    drain(clock.now)
    assert account(user) == (40, 0)
    assert ledger(user) == [("award", "balance", 40)]


def test_an_order_that_changes_hands_leaves_a_mirror_behind(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    first, second = join("ada@example.com"), join("bob@example.com")
    order = shop.place(user=first)
    drain(clock.now)
    shop._change(order, user_id=second.pk)
    drain(clock.now)
    assert ledger(first) == [("award", "balance", 40), ("move", "balance", -40)]
    assert ledger(second) == [("move", "balance", 40)]
    shop._change(order, user_id=first.pk)
    drain(clock.now)
    assert (account(first), account(second)) == ((40, 0), (0, 0))
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert (account(first), account(second)) == ((0, 0), (0, 0))


def test_points_pending_move_with_their_order(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    first, second = join("ada@example.com"), join("bob@example.com")
    order = shop.place(user=first)
    drain(clock.now)
    shop._change(order, user_id=second.pk)
    drain(clock.now)
    assert (account(first), account(second)) == ((0, 0), (0, 40))
    awards.open_due(at=clock.forward(days=14), limit=100)
    assert account(second) == (40, 0)


def test_a_guest_row_that_a_member_absorbs_brings_its_orders(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    shop.place(email="ada@example.com", total=Decimal("30.00"))
    shop.place(email="ada@example.com", total=Decimal("12.00"))
    drain(clock.now)
    user = join("ada@example.com")
    customers.prove_address(who(user), at=clock.now)
    drain(clock.now)
    assert account(user) == (42, 0)


def test_a_currency_without_a_rate_earns_nothing_and_the_log_says_so(
    shop: FakeShop, clock: Clock, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    programme = start(currency="EUR")
    user = join()
    order = shop.place(user=user, currency="GBP")
    drain(clock.now)
    assert account(user) == (0, 0)
    assert award(order).rate is None
    assert "no rate for GBP" in caplog.text
    rating(programme, "2", currency="GBP", at=clock.forward(hours=1))
    assert awards.settle_unrated(at=clock.now) == 1
    assert account(user) == (80, 0)
    assert awards.settle_unrated(at=clock.now) == 0


def test_history_earns_only_where_the_programme_says_so(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = start()
    user = join()
    order = shop.place(user=user, at=clock.now - timedelta(days=400))
    drain(clock.now)
    assert (account(user), OrderAward.objects.count()) == ((0, 0), 0)
    Programme.objects.filter(pk=programme.pk).update(award_history=True)
    awards.settle({order: clock.now})
    assert account(user) == (40, 0)
    assert Fact.objects.get(kind=PointsAwarded.kind).payload["history"] is True


def test_a_programme_switched_off_keeps_what_was_earned_and_still_takes_back(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    Programme.objects.filter(pk=programme.pk).update(active=False)
    shop.place(user=user, total=Decimal("99.00"))
    drain(clock.now)
    assert account(user) == (40, 0)
    shop.refund(order, Decimal("20.00"))
    drain(clock.now)
    assert account(user) == (20, 0)


def test_an_order_that_the_projection_does_not_have_keeps_its_points(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=1)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    who(user).orders.get(reference=order).delete()
    assert awards.open_due(at=clock.forward(days=1), limit=10) == 1
    assert account(user) == (40, 0)


def test_settling_an_order_nobody_knows_does_nothing(shop: FakeShop, clock: Clock) -> None:
    start()
    assert awards.settle({"no such order": clock.now}) == 0
    assert awards.settle({}) == 0
    assert OrderAward.objects.count() == 0
