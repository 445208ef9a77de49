"""Through Oscar's real checkout, many at once on a code with one use left: one discount, and nobody else pays.

The negative control is Oscar's own cap, which gives more than there is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from oscar.apps.checkout.signals import pre_payment
from oscar.core.loading import get_model

from campaigns.models import Coupon, Redemption
from campaigns.services import coupons, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.terms import Terms
from retention.testing.settling import settle
from tests.oscar.world import OscarWorld
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

SHOPPERS = 10
CODE = "FIRST-COME-1"
PREVIEW, THANKS = "/checkout/preview/", "/checkout/thank-you/"


@pytest.fixture
def world() -> OscarWorld:
    return OscarWorld()


@pytest.fixture
def payments() -> Any:
    """Whose money Oscar came to take: the basket's primary keys."""
    taken: list[int] = []

    def take(*, view: Any, **_signal: Any) -> None:
        taken.append(view.request.basket.pk)

    pre_payment.connect(take)
    yield taken
    pre_payment.disconnect(take)


def shared_code() -> Coupon:
    terms = Terms(kind="percentage", percent=Decimal(10), valid_days=30)
    offer = offers.create(slug="first", name="First come", terms=terms, at=timezone.now())
    wish = Wish(key="first", customer=None, code=CODE, cap=1)
    made = coupons.issue(wish, offer=offer, source="test", at=timezone.now())
    assert made is not None
    # what Oscar would do by itself is taken away: the cap is ours alone
    get_model("voucher", "Voucher").objects.update(usage="Multi-use")
    return made


def oscars_own_code() -> None:
    """A voucher of the merchant's own whose offer Oscar is to give once."""
    everything = get_model("offer", "Range").objects.create(name="All", includes_all_products=True)
    offer = get_model("offer", "ConditionalOffer").objects.create(
        name="Once", offer_type="Voucher", max_global_applications=1, max_basket_applications=1,
        condition=get_model("offer", "Condition").objects.create(range=everything, type="Count", value=1),
        benefit=get_model("offer", "Benefit").objects.create(range=everything, type="Percentage", value=10),
    )  # fmt: skip
    now = timezone.now()
    voucher = get_model("voucher", "Voucher").objects.create(
        name="Once", code=CODE, usage="Multi-use",
        start_datetime=now - timedelta(days=1), end_datetime=now + timedelta(days=1),
    )  # fmt: skip
    voucher.offers.add(offer)


def on_the_preview(world: OscarWorld) -> list[Client]:
    """Return shoppers who all have the code in their basket and have read a total with its discount."""
    cup = world.add_product("Cup", Decimal("40.00"))
    shoppers = []
    for n in range(SHOPPERS):
        shopper = world.visit()
        world.put(shopper, cup)
        assert shopper.post("/basket/vouchers/add/", {"code": CODE}).status_code == 302
        page = world.to_preview(shopper, f"shopper{n}@example.com")
        assert page.context["basket"].total_incl_tax == Decimal("36.00")
        shoppers.append(shopper)
    return shoppers


def press(world: OscarWorld, shoppers: list[Client]) -> list[str]:
    """Press every button at the same time. Returns where each shopper is sent."""

    def button(shopper: Client) -> Callable[[], str]:
        return lambda: str(world.place(shopper).headers.get("Location", ""))

    return all_well(together(*map(button, shoppers)))


def test_of_ten_orders_at_once_one_has_the_discount_and_the_others_are_back_on_the_preview_uncharged(
    world: OscarWorld, payments: list[int], settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1000}
    shared_code()
    shoppers = on_the_preview(world)
    answers = press(world, shoppers)
    assert sorted(answers) == [PREVIEW] * (SHOPPERS - 1) + [THANKS]
    assert get_model("order", "Order").objects.count() == 1
    assert len(payments) == 1
    [discount] = get_model("order", "OrderDiscount").objects.all()
    assert (discount.voucher_code, discount.amount) == (CODE, Decimal("4.00"))

    for shopper, answer in zip(shoppers, answers, strict=True):
        if answer == PREVIEW:
            assert shopper.get(PREVIEW).context["basket"].total_incl_tax == Decimal("40.00")
    left = [shopper for shopper, answer in zip(shoppers, answers, strict=True) if answer == PREVIEW]
    assert press(world, left) == [THANKS] * (SHOPPERS - 1), "and they may buy without it"
    assert get_model("order", "OrderDiscount").objects.count() == 1

    settle(at=timezone.now())
    redemptions.release_leases(at=timezone.now() + timedelta(hours=1))
    assert list(Redemption.objects.values_list("state", flat=True)) == ["committed"]
    assert Coupon.objects.get().used == 1


@pytest.mark.postgres
def test_oscars_own_cap_gives_the_same_discount_more_than_once(world: OscarWorld, settings: Any) -> None:
    """The negative control. SQLite cannot show it: there one order is placed after the other."""
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1000}
    oscars_own_code()
    press(world, on_the_preview(world))
    assert get_model("order", "OrderDiscount").objects.count() > 1
