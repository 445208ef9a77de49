"""A coupon in a shop that has no vouchers and renders its basket itself, from the offer to the cancelled order."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from campaigns import reasons
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, Redemption
from campaigns.services import coupons, parking, till
from campaigns.views import wallet
from retention.models import Fact
from retention.services import customers
from retention.shop import CouponUse, NotSupported, get_shop
from retention.testing.clock import Clock
from retention.testing.settling import settle
from tests.campaigns.carts import PlainShop
from tests.campaigns.shelf import NOW, give, make_offer, percentage, taken

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


@pytest.fixture
def shop(settings: Any, clock: Clock) -> Iterator[PlainShop]:
    settings.RETENTION = {**settings.RETENTION, "SHOP": "tests.campaigns.carts.PlainShop"}
    shop = get_shop()
    shop.reset(clock)
    with time_machine.travel(NOW, tick=False):
        yield shop
    shop.reset()


@pytest.fixture
def user(shop: PlainShop) -> Any:
    return shop.create_customer(None, email=ADA, password="a long enough one")


class Checkout:
    """What the shop's own developer writes: a view for the basket, one for paying, one for the order."""

    def __init__(self, shop: PlainShop, client: Client) -> None:
        self.shop, self.client = shop, client

    def _basket(self) -> Basket:
        return Basket(
            reference="c1",
            currency="EUR",
            lines=(Line(product="p1", quantity=2, price=4000),),
            shipping=400,
            email=ADA,
        )

    def _request(self) -> Any:
        return SimpleNamespace(session=self.client.session)

    def show(self) -> Any:
        request = self._request()
        quote = till.quote(self._basket(), parking.codes(request), at=NOW)
        for refusal in quote.refused:
            if refusal.reason not in reasons.LATER:
                parking.remove(request, refusal.code)
        request.session.save()
        return quote

    def pay(self) -> Any:
        return till.reserve(self._basket(), parking.codes(self._request()), at=NOW)

    def order(self, user: Any, *, names_codes: bool) -> str:
        request = self._request()
        codes = parking.codes(request)
        quote = self.pay()
        used = tuple(
            CouponUse(code=taken.coupon.code, discount=Decimal(taken.discount.total) / 100) for taken in quote.taken
        )
        total = Decimal(quote.total) / 100
        reference = self.shop.place(user=user, email=ADA, cart="c1", total=total, coupons=used if names_codes else ())
        till.commit(order=reference, cart="c1", typed=codes, at=NOW)
        parking.clear(request)
        request.session.save()
        return reference


@pytest.fixture
def checkout(shop: PlainShop, client: Client) -> Checkout:
    return Checkout(shop, client)


def link(coupon: Coupon) -> str:
    return f"/retention/c/{coupon.code}/"


def told() -> list[str]:
    rows = Fact.objects.filter(kind__startswith="campaigns.Coupon").order_by("pk")
    return [row.kind.partition(".")[2] for row in rows]


@pytest.mark.parametrize("names_codes", [True, False], ids=["its orders name codes", "its orders name none"])
def test_from_the_offer_to_the_cancelled_order(
    shop: PlainShop, client: Client, user: Any, checkout: Checkout, names_codes: bool
) -> None:
    coupon = give(make_offer(percentage(per_customer=1)), customers.for_user(user, at=NOW))
    assert shop.coupons == {}

    # she opens the link of her mail on her phone, presses the button, and signs in only then
    answer = client.post(link(coupon))
    assert (answer.status_code, answer["Location"]) == (302, "/cart/")
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["Your coupon is in the basket."]
    client.force_login(user)
    assert parking.codes(SimpleNamespace(session=client.session)) == [coupon.code]

    # the basket shows what comes off, and holds nothing; paying holds it
    quote = checkout.show()
    assert (quote.goods, quote.shipping, quote.total, taken(coupon)) == (3600, 400, 4000, 0)
    assert checkout.pay().total == 4000
    assert taken(coupon) == 1

    # the order has it, before and after we have read it from the shop
    reference = checkout.order(user, names_codes=names_codes)
    before = Redemption.objects.values("state", "order", "discount_minor", "customer").get()
    settle(at=NOW)
    assert Redemption.objects.values("state", "order", "discount_minor", "customer").get() == before
    assert before == {"state": "committed", "order": reference, "discount_minor": 400, "customer": coupon.customer_id}
    assert (checkout.show().total, parking.codes(SimpleNamespace(session=client.session))) == (4400, [])

    # called off, it is hers again, for the next order
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert taken(coupon) == 0
    assert told() == ["CouponIssued", "CouponRedeemed", "CouponReturned"]
    client.post(link(coupon))
    assert checkout.pay().total == 4000


def test_a_code_that_dies_before_it_is_paid_is_refused_there(client: Client, user: Any, checkout: Checkout) -> None:
    coupon = give(make_offer(), customers.for_user(user, at=NOW))
    client.post(link(coupon))
    coupons.void([coupon], reason="leaked", at=NOW)
    with pytest.raises(till.Refused) as no:
        checkout.pay()
    assert (no.value.code, no.value.reason) == (coupon.code, "void")
    assert (checkout.show().total, parking.codes(SimpleNamespace(session=client.session))) == (4400, [])


def test_a_wrong_code_is_not_kept_and_the_shopper_reads_the_one_sentence(client: Client, shop: PlainShop) -> None:
    answer = client.post("/retention/c/NO-SUCH-CODE/")
    assert answer.status_code == 422
    assert str(reasons.SENTENCE) in answer.content.decode()
    assert parking.codes(SimpleNamespace(session=client.session)) == []


def test_a_coupon_is_kept_once_shown_as_in_the_basket_and_taken_out_by_its_button(
    client: Client, shop: PlainShop, user: Any
) -> None:
    person = customers.for_user(user, at=NOW)
    coupon = give(make_offer(), person)
    client.force_login(user)
    for _ in range(3):
        client.post(link(coupon))
    request = SimpleNamespace(session=client.session)
    assert parking.codes(request) == [coupon.code]
    section = wallet.section(request, person)
    assert section is not None
    assert [card["in_basket"] for card in section["coupons"]] == [True]
    client.post(reverse("campaigns:take_out", args=[coupon.code]))
    assert parking.codes(SimpleNamespace(session=client.session)) == []


def test_a_session_keeps_the_latest_codes_and_no_more_than_a_basket_has_use_for() -> None:
    request: Any = SimpleNamespace(session={})
    for number in range(30):
        parking.park(request, f"code-{number}")
    parking.park(request, "\x00 no code")
    assert parking.codes(request) == [f"CODE-{number}" for number in range(10, 30)]
    parking.remove(request, "code-29")
    assert len(parking.codes(request)) == 19
    parking.clear(request)
    assert parking.codes(request) == []


def test_such_a_shop_is_never_asked_for_vouchers(shop: PlainShop) -> None:
    coupon = give(make_offer())
    coupons.void([coupon], reason="leaked", at=NOW)
    with pytest.raises(NotSupported):
        shop.create_coupons([])
