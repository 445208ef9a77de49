"""Points in a real Oscar shop: off the basket, spent with the order, back with its cancellation."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from oscar.core.loading import get_model

from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from loyalty.models import Account, Claim, Reward
from loyalty.services import claims, corrections, points, verifying
from retention.models import Signal
from retention.services import customers, installation, sweep
from retention.testing.settling import settle
from tests.loyalty.till import start
from tests.oscar.world import OscarWorld

ADA = "ada@example.com"
PREVIEW, THANKS = "/checkout/preview/", "/checkout/thank-you/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


@pytest.fixture
def reward(world: OscarWorld) -> Reward:
    installation.go_live(at=timezone.now() - timedelta(days=1))
    start(worth="0.01")
    return Reward.objects.create(
        name="Points off", kind="points", cost=10, valid_days=1, active=True, created_at=timezone.now()
    )


@pytest.fixture
def ada(world: OscarWorld) -> Any:
    user = world.add_user(ADA)
    points.grant([("gift", whose(user).pk, "")], points=1000, source="test", at=timezone.now())
    return user


def whose(user: Any) -> Any:
    return customers.for_user(user, at=timezone.now())


def state() -> tuple[int, int]:
    account = Account.objects.get()
    return account.balance, account.held


def shopping(world: OscarWorld, ada: Any, *, price: str = "40.00") -> Any:
    shopper = world.visit(ada)
    world.put(shopper, world.add_product("Cup", Decimal(price)))
    return shopper


def pay_with(world: OscarWorld, shopper: Any, ada: Any, reward: Reward, amount: int, key: str = "one") -> Claim:
    made = claims.claim(reward, whose(ada), key=key, amount=amount, currency="EUR", at=timezone.now())
    assert made.coupon is not None
    world.ask(shopper, world.shop.apply_coupon, made.coupon.code)
    return made


def total(page: Any) -> Decimal:
    found: Decimal = page.context["basket"].total_incl_tax
    return found


def test_points_come_off_the_basket_and_leave_with_the_order(world: OscarWorld, ada: Any, reward: Reward) -> None:
    shopper = shopping(world, ada)
    pay_with(world, shopper, ada, reward, 700)
    assert total(world.to_preview(shopper)) == Decimal("33.00")
    assert state() == (1000, 700)
    reference = world.checkout(shopper)
    assert state() == (1000, 700)
    settle(at=timezone.now())
    assert state() == (300 + 33 + 7, 0), "what points paid earns as well: it is before they were spent"
    made = Claim.objects.get()
    assert (made.state, made.spent, made.order, made.paid_minor) == ("committed", 700, reference, 700)
    discount = get_model("order", "OrderDiscount").objects.get()
    assert discount.amount == Decimal("7.00")

    world.cancel(reference)
    settle(at=timezone.now())
    assert state() == (1000, 0)
    made.refresh_from_db()
    assert (made.state, made.reason) == ("released", "cancelled")
    again = shopping(world, ada)
    assert made.coupon is not None
    again.post("/basket/vouchers/add/", {"code": made.coupon.code})
    assert total(world.to_preview(again)) == Decimal("40.00"), "the code is no second gift"


def test_of_seventy_points_that_were_set_aside_eight_are_used_and_the_rest_comes_back(
    world: OscarWorld, ada: Any, reward: Reward
) -> None:
    shopper = shopping(world, ada, price="0.08")
    pay_with(world, shopper, ada, reward, 70)
    world.checkout(shopper)
    settle(at=timezone.now())
    made = Claim.objects.get()
    assert (made.spent, made.paid_minor) == (8, 8)
    assert state() == (992, 0)


def test_points_go_beside_a_coupon_that_stands_alone_and_under_an_exclusive_offer_of_the_shops(
    world: OscarWorld, ada: Any, reward: Reward
) -> None:
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30, exclusive=True)
    offer = offers.create(slug="tenth", name="A tenth", terms=terms, at=timezone.now())
    coupon = coupons.issue(Wish(key="c", customer=whose(ada).pk), offer=offer, source="test", at=timezone.now())
    assert coupon is not None
    cup = world.add_product("Cup", Decimal("40.00"))
    world.put_on_sale(cup, Decimal(50))
    for first in (True, False):
        shopper = world.visit(ada)
        world.put(shopper, cup)
        if first:
            world.ask(shopper, world.shop.apply_coupon, coupon.code)
        made = pay_with(world, shopper, ada, reward, 300, key=f"points {first}")
        if not first:
            world.ask(shopper, world.shop.apply_coupon, coupon.code)
        assert total(world.to_preview(shopper)) == Decimal("15.00"), "20, a tenth off, and 3.00 off that"
        shopper.post("/basket/", {})  # the next shopper begins anew
        get_model("basket", "Basket").objects.all().delete()
        claims.give_up(made, at=timezone.now())


def test_points_that_went_back_with_another_order_are_refused_before_payment_with_the_new_total(
    world: OscarWorld, ada: Any, reward: Reward
) -> None:
    shopper = shopping(world, ada)
    pay_with(world, shopper, ada, reward, 700)
    assert total(world.to_preview(shopper)) == Decimal("33.00")
    corrections.correct(whose(ada), amount=-400, reason="returned", author="bob", key="c", at=timezone.now())
    answer = world.place(shopper)
    assert (answer.status_code, answer["Location"]) == (302, PREVIEW)
    assert get_model("order", "Order").objects.count() == 0
    assert total(shopper.get(PREVIEW)) == Decimal("40.00")
    assert claims.release_uncovered(at=timezone.now()) == 1
    assert state() == (600, 0)
    assert world.place(shopper)["Location"] == THANKS
    settle(at=timezone.now())
    assert state() == (640, 0)


def test_a_claim_whose_order_is_being_placed_is_not_given_up(world: OscarWorld, ada: Any, reward: Reward) -> None:
    shopper = shopping(world, ada)
    made = pay_with(world, shopper, ada, reward, 700)
    world.checkout(shopper)  # the shop's signal is not read yet
    with pytest.raises(claims.InUse):
        claims.give_up(made, at=timezone.now())
    assert claims.release_due(at=timezone.now() + timedelta(days=9)) == 0
    assert state() == (1000, 700)
    settle(at=timezone.now())
    assert Claim.objects.get().state == "committed"


def test_an_order_that_no_signal_told_of_spends_its_points_when_the_sweep_finds_it(
    world: OscarWorld, ada: Any, reward: Reward
) -> None:
    shopper = shopping(world, ada)
    pay_with(world, shopper, ada, reward, 700)
    world.checkout(shopper)
    Signal.objects.all().delete()  # killed between commit and signal
    settle(at=timezone.now())
    assert Claim.objects.get().state == "reserved"
    sweep.sweep_new(at=timezone.now())
    settle(at=timezone.now())
    made = Claim.objects.get()
    assert (made.state, made.spent) == ("committed", 700)
    assert state()[1] == 0


def test_a_code_of_points_that_are_somebody_elses_is_of_no_use(world: OscarWorld, ada: Any, reward: Reward) -> None:
    made = claims.claim(reward, whose(ada), key="one", amount=700, currency="EUR", at=timezone.now())
    assert made.coupon is not None
    thief = shopping(world, world.add_user("eve@example.com"))
    thief.post("/basket/vouchers/add/", {"code": made.coupon.code})
    assert total(world.to_preview(thief)) == Decimal("40.00")
