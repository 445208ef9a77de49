"""What the thank-you page promises is what the ledger then gives."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from loyalty import gains
from loyalty.models import Programme, Rate
from loyalty.services import promises
from retention import registry
from retention.models import Order
from retention.registry import Gain
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, join, start

Drain = Callable[[datetime], None]


def promised(shop: FakeShop, reference: str) -> list[tuple[str, str]]:
    build = registry.gains["loyalty.points"]
    return [(str(gain.text), str(gain.headline)) for gain in build(shop.orders[reference])]


def test_the_gain_is_computed_before_anything_of_the_order_is_stored(shop: FakeShop, clock: Clock) -> None:
    start(rate="3")
    order = shop.place(total=Decimal("44.00"), items=Decimal("40.33"))
    with CaptureQueriesContext(connection) as queries:
        assert promised(shop, order) == [("120 points", "claim 120 points")]
    assert len(queries) == 3  # programme, rates, rules
    assert Order.objects.count() == 0


def test_one_point_is_one_point(shop: FakeShop) -> None:
    start()
    assert promised(shop, shop.place(total=Decimal("1.99"))) == [("1 point", "claim 1 point")]


def test_nothing_is_promised_where_nothing_is_earned(shop: FakeShop) -> None:
    order = shop.place()
    assert promised(shop, order) == []
    programme = start()
    assert promised(shop, shop.place(total=Decimal("0.99"))) == []
    assert promised(shop, shop.place(currency="GBP")) == []
    shop.mark(order, "cancelled")
    assert promised(shop, order) == []
    Programme.objects.filter(pk=programme.pk).update(active=False)
    assert promised(shop, shop.place()) == []


@pytest.mark.parametrize("total", ["0.00", "0.99", "19.99", "1234.56"])
def test_promise_and_ledger_agree(shop: FakeShop, clock: Clock, drain: Drain, total: str) -> None:
    start(rate="1.7")
    order = shop.place(email="ada@example.com", total=Decimal(total))
    promise = promises.for_order(shop.orders[order])
    user = join("ada@example.com")
    shop.claim_order(order, user=user)
    drain(clock.now)
    assert account(user) == (promise, 0)


def test_the_gain_comes_first_on_the_page(shop: FakeShop) -> None:
    start()
    [gain] = gains.points(shop.orders[shop.place()])
    assert gain.order < Gain(text="anything").order


def render(source: str, **context: object) -> str:
    return Template("{% load loyalty %}" + source).render(Context(context))


def test_a_template_says_what_goods_would_earn(shop: FakeShop) -> None:
    start(rate="0.5")
    assert render("{% earns_points amount 'EUR' %}", amount=Decimal("49.90")) == "This earns 24 points"
    assert render("{% earns_points '2.00' 'EUR' %}") == "This earns 1 point"
    assert render("{% earns_points amount 'EUR' %}", amount=Decimal("1.00")) == ""
    assert render("{% earns_points amount 'GBP' %}", amount=Decimal("49.90")) == ""


def test_a_template_says_what_an_order_has(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    order = shop.place(user=join(), total=Decimal("30.00"))
    guests = shop.place(email="bob@example.com", total=Decimal("20.00"))
    assert render("{% order_points order %}", order=shop.orders[order]) == "30"
    drain(clock.now)
    assert render("{% order_points order %}", order=order) == "30"
    assert render("{% order_points order %}", order=guests) == "20"
    shop.refund(order, Decimal("10.00"))
    drain(clock.now)
    assert render("{% order_points order %}", order=shop.orders[order]) == "20"
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert render("{% order_points order %}", order=shop.orders[order]) == "0"
    assert render("{% order_points 'no such order' %}") == "0"


def test_a_tag_never_breaks_the_shops_page(
    shop: FakeShop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr("loyalty.services.programmes.running", broken)
    assert render("{% earns_points '2.00' 'EUR' %}|{% earns_points 'much' 'EUR' %}") == "|"
    assert "could not be shown" in caplog.text


def test_words_follow_the_language(shop: FakeShop) -> None:
    start(worth="0.01")
    with translation.override("es"):
        assert Rate.objects.get().currency == "EUR"
        [gain] = gains.points(shop.orders[shop.place()])
        assert "40" in str(gain.text)
