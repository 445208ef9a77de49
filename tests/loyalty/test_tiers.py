"""Tiers follow the net spend of a rolling window; only rows that change are written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.facts import TierChanged
from loyalty.models import Membership, Tier, TierMove, TierTable
from loyalty.services import tiers
from retention import registry
from retention.models import Customer, Fact, Order
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, table, who

Drain = Callable[[datetime], None]
LADDER = (("Silver", 50000), ("Gold", 200000))


def tier(user: Any) -> str | None:
    row = Membership.objects.filter(customer__user=user).select_related("tier").first()
    return row.tier.name if row and row.tier else None


def moves(user: Any) -> list[tuple[str, str]]:
    return list(TierMove.objects.filter(customer__user=user).order_by("pk").values_list("old_name", "new_name"))


def buy(shop: FakeShop, user: Any, total: str, **more: Any) -> str:
    return shop.place(user=user, total=Decimal(total), **more)


def test_spend_within_the_window_moves_up_at_once(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    user = join()
    buy(shop, user, "499.99")
    drain(clock.now)
    assert tier(user) is None
    buy(shop, user, "0.01")
    drain(clock.now)
    assert tier(user) == "Silver"
    buy(shop, user, "1500.00")
    drain(clock.now)
    assert (tier(user), moves(user)) == ("Gold", [("", "Silver"), ("Silver", "Gold")])
    told = Fact.objects.filter(kind=TierChanged.kind).order_by("pk").last()
    assert told is not None
    silver, gold = Tier.objects.order_by("rank")
    assert (told.payload["old_tier"], told.payload["tier"]) == (silver.pk, gold.pk)


def test_refunds_count_against_and_cancelled_or_unpaid_orders_do_not_count(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    table(*LADDER)
    user = join()
    order = buy(shop, user, "500.00")
    drain(clock.now)
    shop.refund(order, Decimal("0.01"))
    drain(clock.now)
    assert tier(user) is None
    cancelled = buy(shop, user, "500.00")
    drain(clock.now)
    assert tier(user) == "Silver"
    shop.mark(cancelled, "cancelled")
    buy(shop, user, "5000.00", paid_at=None)
    buy(shop, user, "5000.00", currency="GBP")
    drain(clock.now)
    assert tier(user) is None
    assert Membership.objects.get().qualified_minor == 49999


def test_an_order_leaves_the_window_after_its_days(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    user = join()
    buy(shop, user, "600.00")
    drain(clock.now)
    assert tiers.recompute(at=clock.forward(days=365)) == 0
    assert tier(user) == "Silver"
    assert tiers.recompute(at=clock.forward(seconds=1)) == 1
    assert (tier(user), moves(user)) == (None, [("", "Silver"), ("Silver", "")])
    assert Membership.objects.get().since == clock.now


def test_computing_again_writes_nothing_and_tells_nobody(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    for number in range(5):
        buy(shop, join(f"{number}@example.com"), "600.00")
    drain(clock.now)
    facts = Fact.objects.filter(kind=TierChanged.kind).count()
    assert tiers.recompute(at=clock.now) == 0
    assert tiers.recompute(at=clock.forward(days=1)) == 0
    assert Fact.objects.filter(kind=TierChanged.kind).count() == facts == 5


def test_spend_that_moves_nobody_is_noted_without_a_move(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    user = join()
    buy(shop, user, "600.00")
    drain(clock.now)
    since = Membership.objects.get().since
    buy(shop, user, "100.00", at=clock.forward(days=1))
    drain(clock.now)
    row = Membership.objects.get()
    assert (row.qualified_minor, row.since, TierMove.objects.count()) == (70000, since, 1)


def test_guests_stand_in_no_tier(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    shop.place(email="ada@example.com", total=Decimal("5000.00"))
    drain(clock.now)
    assert tiers.recompute(at=clock.now) == 0
    assert Membership.objects.count() == 0


def test_an_order_that_changes_hands_counts_for_the_other(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    first, second = join("ada@example.com"), join("bob@example.com")
    order = buy(shop, first, "600.00")
    drain(clock.now)
    shop._change(order, user_id=second.pk)
    drain(clock.now)
    assert (tier(first), tier(second)) == (None, "Silver")


def test_a_tier_from_zero_takes_everybody_with_an_account(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(("Member", 0), *LADDER)
    user = join()
    drain(clock.now)
    assert tier(user) == "Member"


def test_the_first_computing_is_history_and_old_orders_wait_for_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    buy(shop, user, "600.00", at=clock.now - timedelta(days=100))
    drain(clock.now)
    made = table(*LADDER)
    tick = registry.ticks["loyalty.tiers"]
    assert tick.run(clock.now) == 1
    assert tier(user) == "Silver"
    assert Fact.objects.get(kind=TierChanged.kind).payload["history"] is True
    assert tick.run(clock.forward(hours=23)) == 0
    TierTable.objects.filter(pk=made.pk).update(stale=True)
    Tier.objects.filter(name="Silver").update(threshold_minor=70000)
    assert tick.run(clock.forward(minutes=1)) == 1
    assert tier(user) is None


def test_an_old_fact_that_is_retried_moves_nobody_back(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    user = join()
    buy(shop, user, "600.00")
    drain(clock.now)
    clock.forward(days=400)
    tiers.recompute(at=clock.now)
    assert tier(user) is None
    tiers.recompute(at=clock.now - timedelta(days=400), customers=[who(user).pk])
    assert tier(user) is None


def test_without_a_table_in_force_nothing_is_computed(shop: FakeShop, clock: Clock) -> None:
    assert tiers.recompute(at=clock.now) == 0
    assert registry.ticks["loyalty.tiers"].run(clock.now) == 0
    assert tiers.standing(who(join()), at=clock.now) is None


def test_standing_says_what_is_missing_to_the_next_tier(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    table(*LADDER)
    user = join()
    buy(shop, user, "458.00")
    drain(clock.now)
    standing = tiers.standing(who(user), at=clock.now)
    assert standing is not None
    assert standing.tier is None
    assert standing.next_tier is not None
    assert (standing.next_tier.name, standing.missing_minor, standing.percent) == ("Silver", 4200, 91)
    buy(shop, user, "2000.00")
    drain(clock.now)
    top = tiers.standing(who(user), at=clock.now)
    assert top is not None
    assert top.tier is not None
    assert (top.tier.name, top.next_tier, top.missing_minor, top.percent) == ("Gold", None, 0, 100)


def people(count: int, clock: Clock, prefix: str) -> None:
    made = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{prefix}{number}@example.com", created_at=clock.now)
        for number in range(count)
    )
    Order.objects.bulk_create(
        Order(
            reference=f"{prefix}{number}", number=f"{prefix}{number}", customer=person, currency="EUR",
            total_minor=number * 1000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now,
            read_at=clock.now,
        )
        for number, person in enumerate(made)
    )  # fmt: skip


def queries(clock: Clock) -> int:
    with CaptureQueriesContext(connection) as captured:
        tiers.recompute(at=clock.now)
    return len(captured)


@pytest.mark.postgres
def test_ten_times_the_customers_take_as_many_queries(clock: Clock, db: None) -> None:
    table(*LADDER)
    people(90, clock, "few")
    few = queries(clock)
    people(900, clock, "many")
    many = queries(clock)
    nothing = queries(clock)
    assert (few, many, nothing) == (12, 11, 7), "the first time one more lets other tables begin anew"
    assert Membership.objects.filter(tier__name="Silver").count() == 40 + 150
    assert Membership.objects.filter(tier__name="Gold").count() == 700
