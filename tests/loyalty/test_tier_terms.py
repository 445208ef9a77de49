"""Tiers by spend, orders or points; over a window, a year or everything; kept for a term and a grace, lost in steps."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.models import Membership, Tier, TierTable
from loyalty.services import awards, points, spending, tiers
from retention.models import Customer, Order
from retention.services import customers
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, start, table, who

Drain = Callable[[datetime], None]
LADDER = (("Silver", 30000), ("Gold", 50000))


@pytest.fixture(autouse=True)
def greenwich(settings: Any) -> None:
    """The shop's days are those of UTC, so that they can be read below."""
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "UTC"}


def keeps(**keep: int) -> None:
    """Say from where on tiers are kept, by name."""
    for name, minor in keep.items():
        Tier.objects.filter(name=name).update(keep_minor=minor)


def go(clock: Clock, to: datetime) -> datetime:
    clock.now = to
    return to


def tier(user: Any) -> str | None:
    row = Membership.objects.filter(customer__user=user).select_related("tier").first()
    return row.tier.name if row and row.tier else None


def until(user: Any) -> datetime | None:
    return Membership.objects.get(customer__user=user).held_until


def stands(user: Any, clock: Clock, *, at: datetime | None = None, **ahead: int) -> str | None:
    """Let some time pass, compute everybody, and return where somebody stands."""
    now = clock.forward(**ahead) if at is None else go(clock, at)
    tiers.recompute(at=now)
    return tier(user)


def buy(shop: FakeShop, user: Any, total: str, drain: Drain, clock: Clock, **more: Any) -> str:
    order = shop.place(user=user, total=Decimal(total), at=clock.now, **more)
    drain(clock.now)
    return order


# What counts


def test_orders_count_once_paid_unless_cancelled_or_paid_back_whatever_they_cost_and_in_any_currency(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(("Friend", 2), ("Regular", 4), metric="orders", currency="")
    user = join()
    buy(shop, user, "1.00", drain, clock)
    assert tier(user) is None
    second = buy(shop, user, "900.00", drain, clock, currency="GBP")
    assert tier(user) == "Friend"
    buy(shop, user, "5.00", drain, clock, paid_at=None)
    third = buy(shop, user, "5.00", drain, clock)
    buy(shop, user, "5.00", drain, clock)
    assert tier(user) == "Regular"
    shop.refund(third, Decimal("4.99"))
    drain(clock.now)
    assert tier(user) == "Regular"
    shop.refund(third, Decimal("0.01"))
    drain(clock.now)
    assert tier(user) == "Friend"
    shop.mark(second, "cancelled")
    drain(clock.now)
    assert (tier(user), Membership.objects.get().qualified_minor) == ("Friend", 2)


def test_points_count_once_they_have_opened_and_spending_them_never_demotes(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(pending_days=14)
    table(("Silver", 100), ("Gold", 500), metric="points", currency="")
    user = join()
    order = buy(shop, user, "120.00", drain, clock)
    assert tier(user) is None
    clock.forward(days=14)
    assert awards.open_due(at=clock.now, limit=10) == 1
    drain(clock.now)
    assert (tier(user), Membership.objects.get().qualified_minor) == ("Silver", 120)
    spending.spend(who(user).pk, amount=120, key="all", source="test", at=clock.now)
    drain(clock.now)
    assert stands(user, clock, days=1) == "Silver"
    shop.refund(order, Decimal("30.00"))
    drain(clock.now)
    assert (tier(user), Membership.objects.get().qualified_minor) == (None, 90)


def test_points_that_no_order_earned_do_not_count(shop: FakeShop, clock: Clock, drain: Drain) -> None:

    start()
    table(("Silver", 100), metric="points", currency="")
    user = join()
    points.grant([("gift", who(user).pk, "")], points=1000, source="test", at=clock.now)
    drain(clock.now)
    assert stands(user, clock) is None
    buy(shop, user, "99.00", drain, clock)
    assert tier(user) is None
    buy(shop, user, "1.00", drain, clock)
    assert tier(user) == "Silver"


# Over which time


def test_the_calendar_year_begins_anew_at_midnight_in_the_shops_zone(
    shop: FakeShop, clock: Clock, drain: Drain, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Europe/Berlin"}
    table(*LADDER, window="calendar")
    go(clock, datetime(2026, 12, 31, 22, 59, tzinfo=UTC))
    user = join()
    buy(shop, user, "300.00", drain, clock)
    assert tier(user) == "Silver"
    assert stands(user, clock, seconds=59) == "Silver"
    assert stands(user, clock, seconds=1) is None
    buy(shop, user, "300.00", drain, clock)
    assert tier(user) == "Silver"


def test_over_a_lifetime_nothing_falls_out_but_refunds_do(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window="lifetime")
    user = join()
    order = buy(shop, user, "300.00", drain, clock)
    assert stands(user, clock, days=4000) == "Silver"
    shop.refund(order, Decimal("0.01"))
    drain(clock.now)
    assert stands(user, clock) is None


# How long it is kept


def test_a_lower_threshold_keeps_what_a_higher_one_gave(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window_days=30)
    keeps(Gold=40000)
    user, other = join(), join("bob@example.com")
    buy(shop, user, "450.00", drain, clock)
    buy(shop, other, "450.00", drain, clock)
    assert (tier(user), tier(other)) == ("Silver", "Silver")
    first = buy(shop, user, "50.00", drain, clock)
    assert tier(user) == "Gold"
    shop.refund(first, Decimal("50.00"))
    drain(clock.now)
    assert (tier(user), tier(other)) == ("Gold", "Silver")
    assert stands(user, clock, days=31) is None


def test_a_term_in_days_ends_with_its_last_day_and_is_renewed_by_what_counts_then(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, window_days=30, term="days", term_days=60)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    buy(shop, user, "500.00", drain, clock)
    assert (tier(user), until(user)) == ("Gold", datetime(2026, 5, 1, tzinfo=UTC))
    assert stands(user, clock, days=40) == "Gold"
    buy(shop, user, "499.99", drain, clock)
    assert until(user) == datetime(2026, 5, 1, tzinfo=UTC)
    assert stands(user, clock, at=datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)) == "Gold"
    buy(shop, user, "0.01", drain, clock)
    assert stands(user, clock, at=datetime(2026, 5, 1, tzinfo=UTC)) == "Gold"
    assert until(user) == datetime(2026, 7, 1, tzinfo=UTC)
    assert stands(user, clock, at=datetime(2026, 6, 30, 23, 59, tzinfo=UTC)) == "Gold"
    assert stands(user, clock, at=datetime(2026, 7, 1, tzinfo=UTC)) is None


def test_a_refund_within_the_term_moves_nobody_and_more_spend_moves_up_with_a_term_of_its_own(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, term="days", term_days=60)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    order = buy(shop, user, "300.00", drain, clock)
    shop.refund(order, Decimal("300.00"))
    drain(clock.now)
    assert (tier(user), Membership.objects.get().qualified_minor) == ("Silver", 0)
    clock.forward(days=10)
    buy(shop, user, "500.00", drain, clock)
    assert (tier(user), until(user)) == ("Gold", datetime(2026, 5, 11, tzinfo=UTC))


def test_a_year_keeps_its_tier_to_the_end_of_the_next_and_then_what_the_next_one_reached(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, window="calendar", term="year")
    go(clock, datetime(2026, 11, 2, tzinfo=UTC))
    user = join()
    buy(shop, user, "500.00", drain, clock)
    assert (tier(user), until(user)) == ("Gold", datetime(2028, 1, 1, tzinfo=UTC))
    assert stands(user, clock, at=datetime(2027, 6, 1, tzinfo=UTC)) == "Gold"
    buy(shop, user, "300.00", drain, clock)
    assert (tier(user), until(user)) == ("Gold", datetime(2028, 1, 1, tzinfo=UTC))
    assert stands(user, clock, at=datetime(2027, 12, 31, 23, 59, tzinfo=UTC)) == "Gold"
    assert stands(user, clock, at=datetime(2028, 1, 1, tzinfo=UTC)) == "Silver"
    assert until(user) == datetime(2029, 1, 1, tzinfo=UTC)
    assert stands(user, clock, at=datetime(2028, 12, 31, 23, 59, tzinfo=UTC)) == "Silver"
    assert stands(user, clock, at=datetime(2029, 1, 1, tzinfo=UTC)) is None


def test_a_year_that_reaches_it_again_keeps_it_for_another(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, window="calendar", term="year")
    go(clock, datetime(2026, 11, 2, tzinfo=UTC))
    user = join()
    buy(shop, user, "500.00", drain, clock)
    go(clock, datetime(2027, 2, 1, tzinfo=UTC))
    buy(shop, user, "500.00", drain, clock)
    assert until(user) == datetime(2029, 1, 1, tzinfo=UTC)
    assert tiers.recompute(at=clock.forward(days=1)) == 0


def test_what_last_year_reached_counts_when_the_table_is_computed_for_the_first_time(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    go(clock, datetime(2025, 11, 2, tzinfo=UTC))
    user = join()
    buy(shop, user, "500.00", drain, clock)
    go(clock, datetime(2026, 3, 1, tzinfo=UTC))
    table(*LADDER, window="calendar", term="year")
    assert stands(user, clock) == "Gold"
    assert until(user) == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_grace_comes_after_the_term_and_a_tier_can_still_be_saved_in_it(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, window_days=30, term="days", term_days=60, grace_days=7)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user, other = join(), join("bob@example.com")
    for one in (user, other):
        buy(shop, one, "500.00", drain, clock)
    assert stands(user, clock, at=datetime(2026, 5, 7, 23, 59, tzinfo=UTC)) == "Gold"
    buy(shop, other, "500.00", drain, clock)
    assert until(other) == datetime(2026, 7, 7, tzinfo=UTC)
    assert stands(user, clock, at=datetime(2026, 5, 8, tzinfo=UTC)) is None
    assert tier(other) == "Gold"


def test_without_a_term_the_grace_begins_with_the_end_of_the_day_of_the_fall(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER, grace_days=3)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    buy(shop, user, "300.00", drain, clock)
    second = buy(shop, user, "200.00", drain, clock)
    assert (tier(user), until(user)) == ("Gold", None)
    shop.refund(second, Decimal("200.00"))
    drain(clock.now)
    assert (tier(user), until(user)) == ("Gold", datetime(2026, 3, 2, tzinfo=UTC))
    assert stands(user, clock, at=datetime(2026, 3, 4, 23, 59, tzinfo=UTC)) == "Gold"
    buy(shop, user, "200.00", drain, clock)
    assert until(user) is None
    fourth = buy(shop, user, "0.01", drain, clock)
    shop.mark(fourth, "cancelled")
    drain(clock.now)
    assert (tier(user), until(user)) == ("Gold", None)


def test_going_down_one_step_takes_a_term_for_each(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, ("Platinum", 90000), window_days=30, term="days", term_days=60, down="step")
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    buy(shop, user, "900.00", drain, clock)
    assert stands(user, clock, at=datetime(2026, 5, 1, tzinfo=UTC)) == "Gold"
    assert stands(user, clock) == "Gold"
    assert until(user) == datetime(2026, 7, 1, tzinfo=UTC)
    assert stands(user, clock, at=datetime(2026, 7, 1, tzinfo=UTC)) == "Silver"
    assert stands(user, clock, at=datetime(2026, 8, 31, tzinfo=UTC)) is None


def test_to_what_fits_is_at_once_by_what_keeps_the_lower_tiers(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER, ("Platinum", 90000), term="days", term_days=60, window_days=100)
    keeps(Silver=20000)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    order = buy(shop, user, "900.00", drain, clock)
    shop.refund(order, Decimal("700.00"))
    drain(clock.now)
    assert stands(user, clock, at=datetime(2026, 5, 1, tzinfo=UTC)) == "Silver"


def test_a_term_that_is_switched_on_gives_whoever_stands_a_whole_one_and_switched_off_is_still_kept(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = table(*LADDER, window_days=30)
    go(clock, datetime(2026, 3, 1, 15, tzinfo=UTC))
    user = join()
    buy(shop, user, "500.00", drain, clock)
    clock.forward(days=20)
    TierTable.objects.filter(pk=made.pk).update(term="days", term_days=60)
    assert stands(user, clock, days=0) == "Gold"
    assert until(user) == datetime(2026, 5, 21, tzinfo=UTC)
    TierTable.objects.filter(pk=made.pk).update(term="none", term_days=None)
    assert stands(user, clock, days=40) == "Gold"
    assert stands(user, clock, at=datetime(2026, 5, 21, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"term": "days", "term_days": 60},
        {"term": "days", "term_days": 60, "grace_days": 7, "down": "step"},
        {"term": "year", "window": "calendar"},
        {"window": "lifetime", "grace_days": 3},
    ],
)
def test_computing_again_at_any_time_writes_nothing(
    shop: FakeShop, clock: Clock, drain: Drain, given: dict[str, Any]
) -> None:
    table(*LADDER, **given)
    user = join()
    order = buy(shop, user, "500.00", drain, clock)
    for day in (0, 1, 59, 61, 70, 366, 800):
        tiers.recompute(at=clock.forward(days=day))
        assert tiers.recompute(at=clock.now) == 0, day
        if day == 1:
            shop.refund(order, Decimal("300.00"))
            drain(clock.now)
            assert tiers.recompute(at=clock.now) == 0


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"term": "days"}, "loyalty_term_of_a_day"),
        ({"term": "days", "term_days": 0}, "loyalty_term_of_a_day"),
        ({"term": "days", "term_days": 30, "window": "calendar"}, "loyalty_calendar_with_its_term"),
        ({"down": "step"}, "loyalty_steps_take_time"),
        ({"currency": ""}, "loyalty_spend_in_a_currency"),
    ],
)
def test_the_database_refuses_a_table_that_means_nothing(db: None, given: dict[str, Any], name: str) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        TierTable.objects.create(**{"name": "Odd", "currency": "EUR", **given})


def test_the_database_refuses_to_keep_a_tier_from_more_than_it_begins_at(db: None) -> None:
    made = table()
    with pytest.raises(IntegrityError, match="loyalty_keep_within_threshold"), transaction.atomic():
        Tier.objects.create(table=made, rank=1, name="Silver", threshold_minor=100, keep_minor=101)


def test_who_turns_out_to_be_an_old_customer_keeps_the_term_of_their_tier(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    table(("Gold", 10000), window_days=30, term="days", term_days=300)
    old = Customer.objects.create(
        kind="import", source="log", number="17", address="ada@example.com", created_at=clock.now
    )
    Order.objects.create(
        reference="x", number="x", customer=old, currency="EUR", items_minor=20000, total_minor=20000,
        placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now, read_at=clock.now,
    )  # fmt: skip
    tiers.recompute(at=clock.now)
    ends = Membership.objects.get().held_until
    user = join(at=clock.forward(days=60))
    assert stands(user, clock) is None
    customers.prove_address(who(user), at=clock.now)
    drain(clock.now)
    assert (stands(user, clock), until(user)) == ("Gold", ends)
    assert Membership.objects.count() == 1
    assert stands(user, clock, days=241) is None
