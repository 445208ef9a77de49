"""What earns: goods before points were spent or what was paid in money; and what multiplies besides rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import OrderAward, PaidTerm, Plan, Reward, TierBenefit, TierMove
from loyalty.services import awards, claims, points, promises, rules, verifying
from loyalty.services.points import LARGEST
from retention.shop import CouponUse, LineData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, award, join, rating, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def coupon_for_points(user: Any, clock: Clock, kind: str = "amount") -> str:
    """Buy a coupon with 500 points; return its code."""
    points.grant([("gift", who(user).pk, "")], points=500, source="test", at=clock.now)
    money = (Money(currency="EUR", amount=500),) if kind == "amount" else ()
    offer = offers.create(slug=kind, name=kind, terms=Terms(kind=kind, valid_days=90, money=money), at=clock.now)
    reward = Reward.objects.create(name="A reward", cost=500, offer=offer, active=True, created_at=clock.now)
    made = claims.claim(reward, who(user), key="one", at=clock.now)
    assert made.coupon is not None
    return made.coupon.code


@pytest.mark.parametrize(("spent_counts", "earned"), [(True, 40), (False, 35)])
def test_what_points_paid_of_an_order_earns_where_the_programme_says_so(
    shop: FakeShop, clock: Clock, drain: Drain, spent_counts: bool, earned: int
) -> None:
    start(spent_counts=spent_counts)
    user = join()
    code = coupon_for_points(user, clock)
    used = (CouponUse(code=code, discount=Decimal("5.00")), CouponUse(code="SPRING", discount=Decimal("3.00")))
    order = shop.place(user=user, total=Decimal("35.00"), coupons=used)
    assert promises.for_order(shop.orders[order]) == earned
    drain(clock.now)
    assert (award(order).basis_minor, award(order).earned) == (earned * 100, earned)
    shop.refund(order, Decimal("35.00"))
    drain(clock.now)
    assert award(order).balance == 0


def test_shipping_that_points_paid_for_earns_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    code = coupon_for_points(user, clock, kind="free_shipping")
    order = shop.place(user=user, coupons=(CouponUse(code=code, discount=Decimal("4.90")),))
    drain(clock.now)
    assert award(order).earned == 40


def test_an_order_that_points_paid_whole_earns_by_the_list_and_goes_back_when_cancelled(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    rules.set_rule(start(), at=START, name="Tea", goods="only", products=["tea"], times=Decimal(3))
    user = join()
    code = coupon_for_points(user, clock)
    lines = tuple(
        LineData(reference=product, product=product, list_price=Decimal(price), amount=Decimal(0))
        for product, price in (("tea", 2), ("cup", 3))
    )
    order = shop.place(
        user=user, total=Decimal(0), items=Decimal(0), lines=lines, coupons=(CouponUse(code=code, discount=Decimal(5)),)
    )  # fmt: skip
    drain(clock.now)
    assert award(order).earned == 9
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert award(order).balance == 0


def test_a_tiers_own_multiplier_counts_as_it_was_when_the_order_was_placed(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Tea", goods="only", products=["tea"], times=Decimal(3))
    made = table(("Silver", 1000), ("Gold", 10000))
    TierBenefit.objects.create(tier=made.tiers.get(name="Silver"), kind="multiplier", multiplier=Decimal("1.5"))
    user = join()
    first = shop.place(user=user, product="cup")
    drain(clock.now)
    assert TierMove.objects.get().new_name == "Silver"
    second = shop.place(user=user, product="cup", at=clock.forward(days=1))
    tea = shop.place(user=user, product="tea", at=clock.forward(seconds=1), total=Decimal(10))
    drain(clock.now)
    assert [award(order).earned for order in (first, second, tea)] == [40, 60, 30]
    assert award(second).breakdown["standing"] == {"tier": "1.50"}
    TierBenefit.objects.update(multiplier=Decimal(9))
    awards.settle(dict.fromkeys((first, second, tea), clock.now))
    assert account(user) == (130, 0), "as it was awarded"


def test_a_tier_that_is_renamed_goes_on_multiplying_for_who_stands_in_it(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    made = table(("Silver", 1000), ("Gold", 900000))
    TierBenefit.objects.create(tier=made.tiers.get(name="Silver"), kind="multiplier", multiplier=Decimal(2))
    user = join()
    shop.place(user=user)
    drain(clock.now)
    made.tiers.filter(name="Silver").update(name="Silver Club")
    made.tiers.filter(name="Gold").update(name="Silver")
    order = shop.place(user=user, at=clock.forward(days=1))
    assert promises.for_order(shop.orders[order]) == 80
    drain(clock.now)
    assert award(order).earned == 80


def test_who_stood_in_a_tier_of_the_table_of_before_has_that_of_the_same_name(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start()
    before = table(("Silver", 1000))
    user = join()
    shop.place(user=user)
    drain(clock.now)
    order = shop.place(user=user, at=clock.forward(days=1))
    before.active = False
    before.save()
    silver = table(("silver", 500)).tiers.get()
    TierBenefit.objects.create(tier=silver, kind="multiplier", multiplier=Decimal(2))
    drain(clock.now)
    assert award(order).earned == 80


def test_a_paid_membership_multiplies_orders_placed_while_it_runs(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start()
    user = join()
    plan = Plan.objects.create(name="Club", multiplier=Decimal(2))
    PaidTerm.objects.create(
        key="given", plan=plan, customer=who(user), months=1, multiplier=Decimal(2), ready_at=clock.now,
        starts_at=clock.now, ends_at=clock.now + timedelta(days=30), reason="r", author="a", made_at=clock.now,
    )  # fmt: skip
    orders = [shop.place(user=user, at=clock.now + timedelta(days=days)) for days in (-1, 1, 31)]
    assert [promises.for_order(shop.orders[order]) for order in orders] == [40, 80, 40]
    drain(clock.now)
    assert [award(order).earned for order in orders] == [40, 80, 40]


def test_rules_give_nothing_in_a_currency_without_a_rate_until_it_has_one(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Extra", effect="order", points=50)
    user = join()
    order = shop.place(user=user, currency="GBP")
    drain(clock.now)
    assert (account(user), award(order).rate) == ((0, 0), None)
    assert promises.for_order(shop.orders[order]) == 0
    rating(programme, "1", currency="GBP")
    assert awards.settle_unrated(at=clock.now) == 1
    assert account(user) == (90, 0)


def test_a_product_that_nobody_knows_earns_by_the_rate(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    rules.set_rule(start(), at=START, name="Tea", goods="only", products=["tea"], times=Decimal(3))
    user = join()
    shop.place(user=user, lines=(LineData(reference="1", product="", amount=Decimal(40), list_price=Decimal(40)),))
    drain(clock.now)
    assert account(user) == (40, 0)


def test_more_points_than_any_shop_means_stop_that_order_alone_and_can_be_tried_again(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    wrong = rules.set_rule(programme, at=START, name="Slip", effect="order", points=LARGEST)
    user = join()
    bad = shop.place(user=user)
    good = shop.place(user=user, at=clock.forward(days=1))
    rules.end([wrong], at=clock.now)
    drain(clock.now)
    assert account(user) == (40, 0)
    assert not OrderAward.objects.filter(order=bad).exists()
    assert award(good).earned == 40
