"""What is allowed in an offer and may not be meant so is said before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from campaigns import goods_words
from campaigns.admin import offer_doubts
from campaigns.models import MarginGuard, Offer
from campaigns.services import limits, offers
from campaigns.services.limits import Cap
from campaigns.terms import Goods, Money, Terms
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, make_offer, percentage

pytestmark = pytest.mark.django_db

LAST_IN_TURN = (
    "A coupon that would bring the goods of an order below that is refused; of several, the last in turn. "
    "Shipping does not count."
)
GUARD_OFF = "The margin guard is off: coupons may bring an order down as far as they like."


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def doubts(terms: Terms | None = None, *, caps: Sequence[Cap] = (), at: Any = NOW, slug: str = "this") -> list[str]:
    """Return what is said of an offer, made if it is not there."""
    offer = Offer.objects.filter(slug=slug).first() or make_offer(terms, slug=slug, caps=caps)
    terms = offers.terms_of(offer)
    rows = limits.of([offer.pk])[offer.pk]
    return list(offer_doubts.doubts(offer, terms, rows, goods_words.titles([terms]), at=at))


def uses(most: int, period: str = "ever") -> Cap:
    return Cap(most=most, period=period)


def budget(currency: str, most: int, period: str = "ever") -> Cap:
    return Cap(measure="discount", currency=currency, most=most, period=period)


def test_names_are_joined_as_the_readers_language_does() -> None:
    open_offer = percentage(exclusive=False)
    for slug in ("one", "two"):
        make_offer(open_offer, slug=slug)
    [together, *_] = doubts(open_offer)
    assert "“One”, “Two”" in together
    with translation.override("zh-hans"):
        [together, *_] = doubts(open_offer)
        assert "One”、“Two" in together


def test_an_ordinary_offer_leaves_no_doubt() -> None:
    assert doubts(amount(("EUR", 500, 3000)), caps=[uses(100), budget("EUR", 50_000)]) == []


def test_an_offer_that_is_over_when_it_is_saved_is_said_to_be() -> None:
    over = ["It is over already: nobody gets a coupon of it."]
    yesterday = (NOW - timedelta(days=1)).date()
    assert doubts(percentage(ends_on=yesterday)) == over
    assert doubts(percentage(ends_on=NOW.date()), slug="today") == []


def test_a_budget_where_the_offer_says_nothing_is_never_used() -> None:
    said = doubts(amount(("EUR", 500, None)), caps=[budget("EUR", 9000), budget("USD", 9000)])
    assert said == ["There is a budget in USD, and the offer says nothing in that currency: it is never used."]


def test_a_currency_without_a_budget_cannot_be_used_and_that_is_said() -> None:
    said = doubts(amount(("EUR", 500, None), ("GBP", 400, None)), caps=[budget("EUR", 9000)])
    assert said == ["It has a budget, but none in GBP: orders in that currency cannot use it."]
    said = doubts(percentage(), caps=[budget("EUR", 9000)], slug="percent")
    assert said == ["It has a budget in EUR only: orders in other currencies cannot use it."]


def test_a_limit_that_lets_nobody_through_is_said() -> None:
    assert doubts(caps=[uses(0)]) == ["The limit is 0 uses: nobody can use it."]
    said = doubts(amount(("EUR", 500, None)), caps=[budget("EUR", 499, "day")], slug="small")
    assert said == ["The budget of €4.99 does not cover one use of €5.00."]
    assert doubts(amount(("EUR", 500, None)), caps=[budget("EUR", 500)], slug="enough") == []


def test_products_that_are_gone_are_named(shop: FakeShop) -> None:
    cup = shop.add_product("Cup")
    goods = Goods(only_products=(cup, "p7"), never_products=("p8",))
    assert doubts(percentage(goods=goods)) == ["The shop has no such product any more: p7, p8."]


def combine(slug: str, **terms: Any) -> Offer:
    return make_offer(percentage(exclusive=False, **terms), slug=slug)


def test_offers_that_combine_are_named_and_what_the_margin_guard_does() -> None:
    combine("spring")
    combine("autumn")
    make_offer(slug="alone")
    named = "It can be used together with coupons of “Autumn”, “Spring”, so that one order gets several discounts."
    assert doubts(percentage(exclusive=False)) == [named, GUARD_OFF]
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(70))
    assert doubts() == [
        named,
        "All discounts together leave at least 70% of the list price to pay for the goods: 70.00 of 100.00.",
        LAST_IN_TURN,
    ]


def test_an_offer_that_stands_alone_combines_with_nothing() -> None:
    combine("spring")
    assert doubts(percentage()) == []


def test_what_cannot_meet_in_one_order_is_not_named() -> None:
    combine("over", ends_on=(NOW - timedelta(days=1)).date())
    combine("dollars", money=(Money(currency="USD"),))
    off = combine("off")
    Offer.objects.filter(pk=off.pk).update(active=False)
    assert doubts(percentage(exclusive=False, money=(Money(currency="EUR"),))) == []
    # coupons of one that is off, issued before, stay good
    Offer.objects.filter(pk=off.pk).update(active=True)
    give(off)
    Offer.objects.filter(pk=off.pk).update(active=False)
    [named, _guard] = doubts()
    assert "“Off”" in named


def test_of_many_offers_ten_are_named() -> None:
    for n in range(12):
        combine(f"n{n:02}")
    [named, _guard] = doubts(percentage(exclusive=False))
    assert "“N09”, 2 more, so that" in named


@pytest.mark.parametrize(("percent", "said"), [("30", False), ("31", True), ("100", True)])
def test_what_the_margin_guard_never_lets_through_is_said(percent: str, said: bool) -> None:
    MarginGuard.objects.create(pk=1, share_of_list=Decimal(70))
    sentence = "It takes off more than the margin guard allows for any order: nobody can use it."
    assert doubts(percentage(percent)) == ([sentence] if said else [])
    # of some goods only, a full basket may bear it
    assert doubts(percentage(percent, goods=Goods(only_categories=("clay",))), slug="some") == []
