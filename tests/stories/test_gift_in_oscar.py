"""A gift on every second order in a real Oscar shop: a coupon that works at its checkout, and is called off in time."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone
from oscar.core.loading import get_model

from campaigns.models import Coupon
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Cause, Contribution, GiftPlan, Present
from loyalty.services import causes, gift_plans
from loyalty.services.gift_plans import Promise
from retention.services import installation
from retention.testing.settling import settle
from tests.oscar.world import OscarWorld

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> OscarWorld:
    return OscarWorld()


def test_gift_coupon_at_the_checkout_and_back(world: OscarWorld) -> None:
    start = timezone.now()
    installation.go_live(at=start)
    terms = Terms(kind="amount", valid_days=30, money=(Money(currency=world.currency, amount=500),))
    cup = offers.create(slug="cup", name="Cup", terms=terms, at=start)
    plan = GiftPlan.objects.create(name="Every second", created_at=start)
    gift_plans.promise(plan, Promise(every=2, gives="coupon", offer=cup), at=start)
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency=world.currency, at=start, amount_minor=50)

    user = world.add_user("ada@example.com")
    product = world.add_product("Cup", Decimal("20.00"))
    visitor = world.visit(user)
    placed = []
    for _ in range(2):
        world.put(visitor, product)
        placed.append(world.checkout(visitor))
        settle(at=timezone.now())
    coupon = Coupon.objects.get(customer__user=user)
    assert get_model("voucher", "Voucher").objects.filter(code=coupon.code).exists()
    assert Contribution.objects.filter(amount_minor=50).count() == 2

    world.cancel(placed[0])
    settle(at=timezone.now())
    coupon.refresh_from_db()
    assert (coupon.state, Present.objects.get().state) == ("void", "undone")
    assert not get_model("voucher", "Voucher").objects.get(code=coupon.code).is_active()

    world.put(visitor, product)
    world.checkout(visitor)
    settle(at=timezone.now())
    again = Coupon.objects.get(state="issued")
    page = world.put(visitor, product)
    visitor.post("/basket/vouchers/add/", {"code": again.code})
    last = world.checkout(visitor)
    settle(at=timezone.now())
    again.refresh_from_db()
    assert (page, again.used) == (None, 1)

    for reference in (placed[1], last):
        world.cancel(reference)
        settle(at=timezone.now())
    again.refresh_from_db()
    assert again.used == 0  # the order that had used it gave it back
    assert list(Present.objects.order_by("pk").values_list("state", flat=True)) == ["undone", "undone"]
    assert sum(Contribution.objects.values_list("amount_minor", flat=True)) == 50


def test_the_thank_you_page_says_what_the_order_gives(world: OscarWorld) -> None:
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency=world.currency, at=timezone.now(), amount_minor=50)
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("20.00")))
    world.checkout(visitor, "ada@example.com")
    page = visitor.get("/checkout/thank-you/")
    assert "0.50 to Forest." in page.content.decode()
