"""A coupon in a real Oscar shop: by its link into the basket, once, and back when the order is cancelled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from oscar.core.loading import get_model

from campaigns import queries
from campaigns.models import Coupon, Offer, OfferTally, Redemption
from campaigns.services import coupons, limits, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.services.limits import Cap
from campaigns.services.redemptions import Hold
from campaigns.terms import Money, Terms
from retention.hashing import customer_key
from retention.services import customers
from retention.testing.settling import settle
from tests.oscar.world import OscarWorld
from tests.races.together import all_well, together

ADA = "ada@example.com"


def offer(*, max_uses: int | None = None) -> Offer:
    terms = Terms(
        kind="amount", valid_days=30, money=(Money(currency="EUR", amount=500, minimum=3000),), per_customer=1,
        first_order_only=True,
    )  # fmt: skip
    made = offers.create(slug="welcome", name="Welcome", terms=terms, at=timezone.now())
    if max_uses is not None:
        limits.set_to(made, [Cap(most=max_uses)], at=timezone.now())
    return made


def give(what: Offer, email: str = ADA) -> Coupon:
    now = timezone.now()
    person = customers.for_guest(email, at=now)
    coupon = coupons.issue(Wish(key=f"{what.slug}:{email}", customer=person.pk), offer=what, source="story", at=now)
    assert coupon is not None
    return coupon


def hold(coupon: Coupon, email: str, *, cart: str) -> None:
    """Reserve a coupon for another basket."""
    [fresh] = queries.by_code([coupon.code], cart=cart)
    wanted = Hold(coupon=fresh, customer_key=customer_key(email), currency="EUR", discount=500)
    redemptions.reserve([wanted], cart=cart, at=timezone.now())


def states() -> list[str]:
    return list(Redemption.objects.order_by("pk").values_list("state", flat=True))


def total(page: Any) -> Decimal:
    """Return what the preview page asks for the goods, before shipping."""
    return page.context["basket"].total_incl_tax


@pytest.fixture
def world() -> OscarWorld:
    return OscarWorld()


@pytest.mark.django_db
def test_from_the_link_through_the_checkout_and_back(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("40.00"))
    coupon = give(offer())
    link = f"/retention/c/{coupon.code}/"
    shopper = world.visit()

    assert coupon.code in shopper.get(link).content.decode()
    assert shopper.post(link).status_code == 302  # nothing in the basket yet: the code waits
    world.put(shopper, cup)
    assert total(world.to_preview(shopper, ADA)) == Decimal("35.00")
    reference = world.checkout(shopper, ADA)
    settle(at=timezone.now())
    use = Redemption.objects.get()
    assert (use.state, use.order, use.discount_minor, use.currency) == ("committed", reference, 500, "EUR")

    again = world.visit()
    world.put(again, cup)
    again.post("/basket/vouchers/add/", {"code": coupon.code})
    assert total(world.to_preview(again, ADA)) == Decimal("40.00")

    world.cancel(reference)
    settle(at=timezone.now())
    assert states() == ["released"]
    assert Coupon.objects.get().used == 0

    back = world.visit()
    world.put(back, cup)
    assert back.post(link)["Location"] == "/basket/"
    assert total(world.to_preview(back, ADA)) == Decimal("35.00")
    second = world.checkout(back, ADA)
    settle(at=timezone.now())
    assert states() == ["released", "committed"]
    assert Redemption.objects.get(state="committed").order == second


@pytest.mark.django_db
def test_a_coupon_that_dies_between_preview_and_payment_charges_nothing(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("40.00"))
    welcome = offer(max_uses=1)
    mine, other = give(welcome), give(welcome, "bo@example.com")
    shopper = world.visit()
    world.put(shopper, cup)
    shopper.post(f"/retention/c/{mine.code}/")
    assert total(world.to_preview(shopper, ADA)) == Decimal("35.00")

    hold(other, "bo@example.com", cart="elsewhere")
    answer = world.place(shopper)
    assert (answer.status_code, answer["Location"]) == (302, "/checkout/preview/")
    assert get_model("order", "Order").objects.count() == 0
    assert Coupon.objects.get(pk=mine.pk).used == 0
    assert total(shopper.get("/checkout/preview/")) == Decimal("40.00")
    assert world.checkout(shopper, ADA) != ""


@pytest.mark.django_db
def test_who_has_ordered_meanwhile_is_no_first_orderer_at_the_checkout(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("40.00"))
    coupon = give(offer())
    plain = world.visit()
    world.put(plain, cup)
    world.checkout(plain, ADA)
    settle(at=timezone.now())

    shopper = world.visit()
    world.put(shopper, cup)
    shopper.post("/basket/vouchers/add/", {"code": coupon.code})
    assert total(world.to_preview(shopper, ADA)) == Decimal("35.00")
    assert world.place(shopper)["Location"] == "/checkout/preview/"
    assert total(shopper.get("/checkout/preview/")) == Decimal("40.00")
    assert states() == []


@pytest.mark.django_db
def test_what_a_failed_payment_had_reserved_falls_back_with_the_lease(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("40.00"))
    coupon = give(offer())
    hold(coupon, ADA, cart="gone")
    shopper = world.visit()
    world.put(shopper, cup)
    shopper.post("/basket/vouchers/add/", {"code": coupon.code})
    world.to_preview(shopper, ADA)
    assert world.place(shopper)["Location"] == "/checkout/preview/"

    redemptions.release_leases(at=timezone.now() + timedelta(minutes=31))
    shopper.post("/basket/vouchers/add/", {"code": coupon.code})
    assert world.checkout(shopper, ADA) != ""
    settle(at=timezone.now())
    assert states() == ["released", "committed"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_ten_orders_at_once_on_a_cap_of_one_are_one_discount(world: OscarWorld) -> None:
    cup = world.add_product("Cup", Decimal("40.00"))
    capped = offer(max_uses=1)
    shoppers = []
    for n in range(10):
        email = f"shopper{n}@example.com"
        coupon = give(capped, email)
        shopper = world.visit()
        world.put(shopper, cup)
        shopper.post("/basket/vouchers/add/", {"code": coupon.code})
        assert total(world.to_preview(shopper, email)) == Decimal("35.00")
        shoppers.append(shopper)

    answers = all_well(together(*[lambda shopper=shopper: world.place(shopper)["Location"] for shopper in shoppers]))
    assert sorted(answers) == ["/checkout/preview/"] * 9 + ["/checkout/thank-you/"]
    settle(at=timezone.now())
    assert get_model("order", "OrderDiscount").objects.count() == 1
    assert states() == ["committed"]
    assert list(OfferTally.objects.values_list("taken", flat=True)) == [1]
