"""The shopper's account page lists the coupons that can be used, with all that decides their use beside the code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation

from campaigns.models import Coupon
from campaigns.services import coupons
from campaigns.terms import Kind, Terms
from campaigns.views import wallet
from loyalty.services import standing_coupons
from retention.models import Customer
from retention.services import customers
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def user(fake_shop: FakeShop, fake_world: FakeWorld) -> Any:
    return fake_world.add_user("ada@example.com")


@pytest.fixture
def member(user: Any) -> Customer:
    return customers.for_user(user, at=NOW)


def test_a_card_says_what_it_gives_from_when_until_when_and_in_which_currency(member: Customer) -> None:
    coupon = give(make_offer(amount(("EUR", 500, 3000), first_order_only=True)), member)
    with translation.override("en"):
        assert wallet.card(coupon) == {
            "code": coupon.code,
            "gives": "€5.00 off",
            "minimum": "from €30.00",
            "currency": "EUR",
            "expires": "April 1, 2026",
            "limits": "for a first order, not together with another coupon",
            "url": f"/retention/c/{coupon.code}/",
        }


def test_the_page_shows_the_code_as_text_with_its_terms_beside_it(client: Client, user: Any, member: Customer) -> None:
    coupon = give(make_offer(amount(("EUR", 500, 3000))), member)
    client.force_login(user)
    text = client.get("/retention/account/").content.decode()
    assert f'<code class="retention-code">{coupon.code}</code>' in text
    for words in ("€5.00 off", "from €30.00", "April 1, 2026", "for orders in EUR"):
        assert words in text
    assert f'href="/retention/c/{coupon.code}/"' in text


def test_only_what_can_be_used_is_listed_the_soonest_to_expire_first(member: Customer, fake_world: FakeWorld) -> None:
    late, soon = give(make_offer(percentage(valid_days=60), slug="late"), member), give(make_offer(), member)
    used, void = give(make_offer(slug="used"), member), give(make_offer(slug="void"), member)
    reserve(used)
    coupons.void([void], reason="leaked", at=NOW)
    over = give(make_offer(slug="over"), member)
    Coupon.objects.filter(pk=over.pk).update(issued_at=NOW - timedelta(days=9), expires_at=NOW)
    section = wallet.section(fake_world.visit(), member)
    assert section is not None
    assert [card["code"] for card in section["coupons"]] == [soon.code, late.code]


def test_a_coupon_for_a_first_order_goes_from_the_page_with_the_first_order(
    fake_shop: FakeShop, fake_world: FakeWorld, user: Any, member: Customer
) -> None:
    give(make_offer(percentage(first_order_only=True)), member)
    other = give(make_offer(slug="any"), member)
    fake_shop.place(email="ada@example.com", user=user)
    settle(at=NOW)
    section = wallet.section(fake_world.visit(), member)
    assert section is not None
    assert [card["code"] for card in section["coupons"]] == [other.code]


def test_a_guests_coupons_are_not_shown_to_who_merely_has_the_address(member: Customer, fake_world: FakeWorld) -> None:
    give(make_offer(), guest("ada@example.com"))
    assert wallet.section(fake_world.visit(), member) is None


def test_nobody_sees_another_shoppers_coupons(client: Client, fake_world: FakeWorld, member: Customer) -> None:
    coupon = give(make_offer(), member)
    client.force_login(fake_world.add_user("bo@example.com"))
    assert coupon.code not in client.get("/retention/account/").content.decode()


def test_what_the_shop_puts_into_the_basket_by_itself_is_no_coupon_to_use(
    client: Client, user: Any, member: Customer
) -> None:
    offer = make_offer(Terms(kind=Kind.FREE_SHIPPING, valid_days=365, uses=100, exclusive=False), slug="ship")
    assert standing_coupons.settle("tier", {member.pk: offer.pk}, at=NOW) == 1
    client.force_login(user)
    assert "My coupons" not in client.get("/retention/account/").content.decode()
    other = give(make_offer(slug="any"), member)
    text = client.get("/retention/account/").content.decode()
    assert f"Use {other.code}" in text
    assert Coupon.objects.get(source="standing:tier").code not in text
