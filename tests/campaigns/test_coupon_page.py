"""The page that a coupon's link opens: one button, nothing before it is pressed, one sentence for every refusal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from campaigns import reasons
from campaigns.models import Coupon, Redemption
from campaigns.services import coupons
from retention.models import Attempt
from retention.services import customers
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.add_product(price=Decimal("40.00"))
    return fake_shop


def page(code: str) -> str:
    return f"/retention/c/{code}/"


def fill_cart(client: Client, shop: FakeShop) -> None:
    """Put a cup into this visitor's cart."""
    request = FakeWorld(shop).visit()
    request.session = client.session
    shop.put(request, "p1")
    request.session.save()
    client.cookies["sessionid"] = request.session.session_key


def said(response: Any) -> str:
    return response.content.decode()


def test_looking_changes_nothing_however_often(client: Client, shop: FakeShop) -> None:
    coupon = give(make_offer())
    for _ in range(20):
        assert client.get(page(coupon.code)).status_code == 200
        assert client.head(page(coupon.code)).status_code == 200
    assert (Redemption.objects.count(), Attempt.objects.count()) == (0, 0)
    assert "sessionid" not in client.cookies


def test_a_code_that_does_not_exist_looks_like_one_that_does(client: Client, shop: FakeShop) -> None:
    code = give(make_offer()).code
    real, wrong = said(client.get(page(code))), said(client.get(page("ABCDEFGHJKMN")))
    assert code in real
    shared = [text.replace(code, "CODE").replace("ABCDEFGHJKMN", "CODE") for text in (real, wrong)]
    without_tokens = ["".join(line for line in text.splitlines(True) if "csrf" not in line) for text in shared]
    assert without_tokens[0] == without_tokens[1]


def test_the_button_puts_the_coupon_into_the_basket(client: Client, shop: FakeShop) -> None:
    coupon = give(make_offer())
    fill_cart(client, shop)
    answer = client.post(page(coupon.code.lower()))
    assert (answer.status_code, answer["Location"]) == (302, "/cart/")
    assert shop.carts["c1"].coupons == [coupon.code]


def test_without_a_basket_the_coupon_waits_for_one(client: Client, shop: FakeShop) -> None:
    coupon = give(make_offer())
    answer = client.post(page(coupon.code))
    assert (answer.status_code, answer["Location"]) == (302, shop.home_url())
    assert client.session["fake_parked"] == coupon.code
    fill_cart(client, shop)
    assert shop.carts["c1"].coupons == [coupon.code]


def test_below_the_minimum_the_shop_decides_when_it_fits(client: Client, shop: FakeShop) -> None:
    coupon = give(make_offer(amount(("EUR", 500, 9000))))
    assert client.post(page(coupon.code)).status_code == 302
    fill_cart(client, shop)
    answer = client.post(page(coupon.code))
    assert answer.status_code == 422
    assert str(reasons.SENTENCE) in said(answer)


@pytest.fixture
def wrong_codes(shop: FakeShop) -> dict[str, str]:
    """Codes that must all get the same answer."""
    offer = make_offer()
    void, used, theirs = (give(offer, guest(f"{n}@example.com")) for n in ("void", "used", "theirs"))
    coupons.void([void], reason="leaked", at=NOW)
    reserve(used, "elsewhere", email="used@example.com")
    first = give(make_offer(percentage(first_order_only=True), slug="first"), guest("cy@example.com"))
    guest("cy@example.com").__class__.objects.filter(address="cy@example.com").update(orders_count=1)
    old = give(offer, guest("old@example.com"))
    Coupon.objects.filter(pk=old.pk).update(issued_at=NOW.replace(year=2025), expires_at=NOW)
    return {
        "unknown": "ABCDEFGHJKMN",
        "void": void.code,
        "used": used.code,
        "theirs": theirs.code,
        "first": first.code,
        "old": old.code,
        "long": "A" * 300,
        "odd": "%00%E2%80%8B<script>",
    }


def test_every_refusal_is_the_same_sentence(
    client: Client, shop: FakeShop, fake_world: FakeWorld, wrong_codes: dict[str, str]
) -> None:
    user = fake_world.add_user("ada@example.com")
    client.force_login(user)
    fill_cart(client, shop)
    for name, code in wrong_codes.items():
        answer = client.post(page(code))
        assert answer.status_code == 422, name
        assert said(answer).count(str(reasons.SENTENCE)) == 1, name
        for reason in reasons.Reason:
            assert str(reason.label) not in said(answer), name
    assert shop.carts["c1"].coupons == []


def test_the_owner_signed_in_may_use_it(client: Client, shop: FakeShop, fake_world: FakeWorld) -> None:
    user = fake_world.add_user("ada@example.com")
    coupon = give(make_offer(), customers.for_user(user, at=NOW))
    client.force_login(user)
    fill_cart(client, shop)
    assert client.post(page(coupon.code)).status_code == 302
    assert shop.carts["c1"].coupons == [coupon.code]


def test_after_the_allowed_tries_even_a_right_code_waits_and_elsewhere_it_does_not(
    client: Client, shop: FakeShop, settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 3}
    coupon = give(make_offer())
    fill_cart(client, shop)
    assert [client.post(page("ABCDEFGHJKMN")).status_code for _ in range(3)] == [422, 422, 422]
    assert client.post(page(coupon.code)).status_code == 429
    assert shop.carts["c1"].coupons == []
    assert client.post(page(coupon.code), REMOTE_ADDR="192.0.2.9").status_code == 429  # the session is the same
    assert Client(REMOTE_ADDR="192.0.2.9").post(page(coupon.code)).status_code == 302


def test_without_a_token_of_the_form_nothing_happens(shop: FakeShop) -> None:
    coupon = give(make_offer())
    assert Client(enforce_csrf_checks=True).post(page(coupon.code)).status_code == 403


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_answered(client: Client, shop: FakeShop, method: str) -> None:
    assert getattr(client, method)(page("ABCDEFGHJKMN")).status_code == 405
