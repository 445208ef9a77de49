"""In the basket a member is reminded of a coupon that they hold: once, where it can be used, until they say no."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon
from loyalty.services import standing_coupons
from retention import registry
from retention.models import Customer, Prompt
from retention.services import customers
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.add_product(price=Decimal("40.00"))
    return fake_shop


@pytest.fixture
def user(shop: FakeShop, fake_world: FakeWorld) -> Any:
    return fake_world.add_user("ada@example.com")


@pytest.fixture
def ada(user: Any) -> Customer:
    return customers.for_user(user, at=NOW)


@pytest.fixture
def visitor(fake_world: FakeWorld, user: Any) -> Any:
    visitor = fake_world.visit(user)
    fake_world.put(visitor, "p1")
    return visitor


def shown(visitor: Any) -> str:
    page = Template("{% load retention %}<i>{% retention_basket %}</i>").render(Context({"request": visitor}))
    return page.removeprefix("<i>").removesuffix("</i>")


def offer(slug: str, terms: Any = None) -> Any:
    return make_offer(terms or percentage(), slug=slug)


def test_a_coupon_that_can_be_used_is_shown_with_its_terms_and_two_buttons(visitor: Any, ada: Customer) -> None:
    coupon = give(offer("spring", amount(("EUR", 500, 3000))), ada)
    page = shown(visitor)
    assert "You have a coupon: €5.00 off" in page
    assert f'<code class="retention-code">{coupon.code}</code>' in page
    assert "On goods from €30.00. Good until April 1, 2026, for orders in EUR, not together with another" in page
    assert f'action="/retention/c/{coupon.code}/"' in page
    assert f'action="/retention/nudges/coupon/{coupon.pk}/"' in page


def test_of_several_the_one_that_takes_most_off_this_basket(visitor: Any, ada: Customer) -> None:
    give(offer("five", amount(("EUR", 500, None))), ada)
    best = give(offer("twenty", percentage("20")), ada)
    give(offer("fifty", amount(("EUR", 5000, 10000))), ada)  # not from 40.00 on
    assert best.code in shown(visitor)
    assert shown(visitor).count("retention-code") == 1


def test_nothing_is_said_where_there_is_nothing_to_use(
    visitor: Any, ada: Customer, fake_world: FakeWorld, shop: FakeShop, user: Any
) -> None:
    assert shown(visitor) == ""
    give(offer("later", amount(("EUR", 500, 5000))), ada)
    assert shown(visitor) == ""  # the basket is worth less than its minimum
    give(offer("mine"), guest("bo@example.com"))
    assert shown(visitor) == ""
    coupon = give(offer("good"), ada)
    assert coupon.code in shown(visitor)
    assert shown(fake_world.visit()) == ""  # nobody is signed in
    assert shown(fake_world.visit(user)) == ""  # nothing in the basket
    shop.apply_coupon(visitor, coupon.code)
    assert shown(visitor) == ""  # used already


def test_a_first_order_coupon_is_not_recalled_after_the_order(visitor: Any, ada: Customer, shop: FakeShop) -> None:
    coupon = give(offer("welcome", percentage(first_order_only=True)), ada)
    assert coupon.code in shown(visitor)
    shop.place(email="ada@example.com")
    settle(at=NOW)
    assert shown(visitor) == ""


def test_a_no_is_remembered_for_this_coupon_by_address(
    visitor: Any, ada: Customer, client: Client, user: Any, shop: FakeShop
) -> None:
    coupon, other = give(offer("twenty", percentage("20")), ada), give(offer("ten"), ada)
    client.force_login(user)
    response = client.post(f"/retention/nudges/coupon/{coupon.pk}/")
    assert (response.status_code, response["Location"]) == (302, "/cart/")
    assert other.code in shown(visitor)
    with time_machine.travel(NOW + timedelta(days=29), tick=False):
        Coupon.objects.update(expires_at=NOW + timedelta(days=60))
        assert coupon.code not in shown(visitor)


def test_nobody_says_no_for_somebody_else_and_a_link_says_nothing(
    ada: Customer, client: Client, shop: FakeShop
) -> None:
    coupon = give(offer("ten"), ada)
    other = FakeWorld(shop).add_user("bo@example.com")
    customers.for_user(other, at=NOW)
    client.force_login(other)
    assert client.post(f"/retention/nudges/coupon/{coupon.pk}/").status_code == 302
    assert client.get(f"/retention/nudges/coupon/{coupon.pk}/").status_code == 405
    assert Prompt.objects.count() == 0


def test_a_failure_of_ours_leaves_the_basket_page_as_it_was(
    visitor: Any, ada: Customer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: Any, at: Any) -> None:
        raise RuntimeError("no")

    registry.basket_nudges.add("tests.fails", fail)
    try:
        assert shown(visitor) == ""
    finally:
        registry.basket_nudges.remove("tests.fails")
    assert "a nudge could not be shown in the basket" in caplog.text


def test_a_page_of_somebody_without_coupons_and_points_costs_three_looks(visitor: Any, ada: Customer) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert shown(visitor) == ""
    assert len([query for query in asked if "SAVEPOINT" not in query["sql"]]) == 3


def test_the_wallet_says_what_is_in_the_basket_and_takes_it_out(
    visitor: Any, ada: Customer, client: Client, user: Any, shop: FakeShop
) -> None:
    coupon = give(offer("ten"), ada)
    shop.apply_coupon(visitor, coupon.code)
    client.force_login(user)
    session = client.session
    session.update(visitor.session)
    session.save()
    page = client.get("/retention/account/").content.decode()
    assert "It is in your basket." in page
    assert f"Take {coupon.code} out" in page
    assert client.get(f"/retention/c/{coupon.code}/out/").status_code == 405
    response = client.post(f"/retention/c/{coupon.code}/out/")
    assert (response.status_code, response["Location"]) == (302, "/cart/")
    assert shop.carts["c1"].coupons == []
    assert f"Use {coupon.code}" in client.get("/retention/account/").content.decode()


def test_a_copy_button_waits_for_its_script_and_says_what_it_did(ada: Customer, client: Client, user: Any) -> None:
    coupon = give(offer("ten"), ada)
    client.force_login(user)
    page = client.get("/retention/account/").content.decode()
    assert f'type="button" hidden data-retention-copy="{coupon.code}" data-copied="{coupon.code} is copied."' in page
    assert '<span id="copied-1" role="status"></span>' in page
    assert "retention/copy.js" in page


def test_nobody_is_reminded_of_what_the_shop_puts_into_the_basket_by_itself(visitor: Any, ada: Customer) -> None:
    ours = offer("ship", percentage("20", uses=100, exclusive=False))
    assert standing_coupons.settle("tier", {ada.pk: ours.pk}, at=NOW) == 1
    assert shown(visitor) == ""
    other = give(offer("five", amount(("EUR", 500, None))), ada)
    assert other.code in shown(visitor)
