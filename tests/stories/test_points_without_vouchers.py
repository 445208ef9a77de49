"""Points off in a shop that has no vouchers: quoted, reserved, committed with the order, back with its cancellation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from campaigns.baskets import Basket, Line
from campaigns.reasons import Reason
from campaigns.services import till
from campaigns.services.quoting import Refused
from loyalty.models import Account, Claim, Reward
from loyalty.services import claims, corrections, points, verifying
from retention.models import Customer
from retention.services import customers
from retention.shop import CouponUse, get_shop
from retention.testing.clock import Clock
from retention.testing.settling import settle
from tests.campaigns.carts import PlainShop
from tests.campaigns.shelf import NOW
from tests.loyalty.till import start

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


@pytest.fixture
def shop(settings: Any, clock: Clock) -> Iterator[PlainShop]:
    settings.RETENTION = {**settings.RETENTION, "SHOP": "tests.campaigns.carts.PlainShop"}
    shop = get_shop()
    shop.reset(clock)
    with time_machine.travel(NOW, tick=False):
        yield shop
    assert list(verifying.differences()) == []
    shop.reset()


@pytest.fixture
def ada(shop: PlainShop) -> Customer:
    start(worth="0.01")
    user = shop.create_customer(None, email=ADA, password="a long enough one")
    person = customers.for_user(user, at=NOW)
    points.grant([("gift", person.pk, "")], points=1000, source="test", at=NOW)
    return person


def claim(ada: Customer, amount: int = 700) -> str:
    reward = Reward.objects.create(name="Points off", kind="points", cost=10, active=True, created_at=NOW)
    made = claims.claim(reward, ada, key="one", amount=amount, currency="EUR", at=NOW)
    assert made.coupon is not None
    return made.coupon.code


def basket(price: int = 4000) -> Basket:
    line = Line(product="p1", quantity=1, price=price)
    return Basket(reference="c1", currency="EUR", lines=(line,), shipping=400, email=ADA)


def state() -> tuple[int, int]:
    account = Account.objects.get()
    return account.balance, account.held


@pytest.mark.parametrize("names_codes", [True, False], ids=["its orders name codes", "its orders name none"])
def test_points_pay_a_part_of_the_order_and_come_back_with_its_cancellation(
    shop: PlainShop, ada: Customer, names_codes: bool
) -> None:
    code = claim(ada)
    assert till.quote(basket(), [code], at=NOW).total == 4400 - 700
    assert till.reserve(basket(), [code], at=NOW).total == 3700
    used = (CouponUse(code=code, discount=Decimal("7.00")),) if names_codes else ()
    order = shop.place(email=ADA, cart="c1", total=Decimal("37.00"), coupons=used, paid_at=None)
    till.commit(order=order, cart="c1", typed=[code], at=NOW)
    settle(at=NOW)
    assert state() == (300, 0)
    assert Claim.objects.get().order == order
    shop.mark(order, "cancelled")
    settle(at=NOW)
    assert state() == (1000, 0)
    [refusal] = till.quote(basket(), [code], at=NOW).refused
    assert refusal.reason == Reason.VOID


def test_points_that_went_back_are_refused_before_payment(shop: PlainShop, ada: Customer) -> None:
    code = claim(ada)
    till.reserve(basket(), [code], at=NOW)
    corrections.correct(ada, amount=-400, reason="returned", author="bob", key="c", at=NOW)
    [refusal] = till.quote(basket(), [code], at=NOW).refused
    assert refusal.reason == Reason.NOT_BACKED
    with pytest.raises(Refused):
        till.reserve(basket(), [code], at=NOW)
    till.release(cart="c1", at=NOW)
    assert claims.release_uncovered(at=NOW) == 1
    assert state() == (600, 0)


def test_of_seventy_points_eight_are_used_and_the_rest_comes_back(shop: PlainShop, ada: Customer) -> None:
    code = claim(ada, 70)
    quote = till.reserve(basket(8), [code], at=NOW)
    assert quote.total == 400
    order = shop.place(email=ADA, cart="c1", total=Decimal("4.00"), paid_at=None)
    till.commit(order=order, cart="c1", typed=[code], at=NOW)
    settle(at=NOW)
    assert state() == (992, 0)
