"""Offers in words: for who holds a coupon, and for who edits the offer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import translation

from campaigns import goods_words, wording
from campaigns.goods_words import Titles
from campaigns.models import Coupon
from campaigns.terms import Asked, Goods, Money, Terms
from retention.shop import Capability
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, percentage

KNOWN: Titles = {"p1": "Cup", "p2": "Bowl", "p3": "Vase", "p4": "Plate", "p5": "Jug"}


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def free(*products: str, categories: tuple[str, ...] = (), **goods: Any) -> Terms:
    named = Goods(only_products=products, only_categories=categories, **goods)
    return Terms(kind="free_product", valid_days=30, goods=named)


# For shoppers


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (percentage("10.00"), "10% off"),
        (percentage("12.50"), "12.5% off"),
        (amount(("EUR", 500, None)), "€5.00 off"),
        (amount(("JPY", 500, None)), "¥500 off"),
        (Terms(kind="free_shipping", valid_days=30), "Free shipping"),
        (free("p1"), "Free: Cup"),
        (free("p1", "p2"), "One of these free: Cup or Bowl"),
        (free("p1", "p2", "p3", "p4"), "One of these free: Cup, Bowl, Vase, or Plate"),
        (free("p1", "p2", "p3", "p4", "p5"), "One of these free: Cup, Bowl, Vase, or 2 more"),
        (free("p1", categories=("clay/tea-pots",)), "One of these free: Cup or anything in “tea pots”"),
        (free(categories=("clay",)), "One of these free: anything in “clay”"),
        (free("p1", "gone"), "Free: Cup"),
        (free("gone"), "A free product"),
    ],
)
def test_what_a_coupon_gives_is_said_with_titles(terms: Terms, words: str) -> None:
    assert wording.gives(terms, terms.money[0] if terms.money else None, titles=KNOWN) == words


def test_where_nobody_asked_for_titles_a_free_product_is_just_that() -> None:
    assert wording.gives(free("p1"), None) == "A free product"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (percentage(exclusive=False), ""),
        (percentage(), "not together with another coupon"),
        (percentage(first_order_only=True), "for a first order, not together with another coupon"),
        (percentage(exclusive=False, per_customer=1), "once per person"),
        (percentage(exclusive=False, per_customer=3, per_customer_period="month"), "3 times a month per person"),
        (percentage(exclusive=False, sale_goods=False), "not for reduced goods"),
        (percentage(exclusive=False, goods=Goods(only_products=("p1", "p2"))), "only for: Cup or Bowl"),
        (percentage(exclusive=False, goods=Goods(only_categories=("clay/cups",))), "only for: anything in “cups”"),
        (percentage(exclusive=False, goods=Goods(never_products=("p3", "gone"))), "not for: Vase"),
        (percentage(exclusive=False, goods=Goods(only_products=("gone",))), ""),
        (
            percentage(sale_goods=False, goods=Goods(only_products=("p1",), never_categories=("sale",))),
            "not together with another coupon, not for reduced goods, only for: Cup, not for: anything in “sale”",
        ),
        # what may be free stands in what it gives
        (free("p1", never_products=("p2",)), "not together with another coupon, not for: Bowl"),
    ],
)
def test_what_else_decides_is_said_beside_the_code(terms: Terms, words: str) -> None:
    assert wording.limits(terms, titles=KNOWN) == words


@pytest.mark.parametrize(
    ("n", "period", "words"),
    [
        (1, "ever", "once"),
        (2, "ever", "2 times"),
        (1, "day", "once a day"),
        (2, "week", "2 times a week"),
        (1, "month", "once a month"),
        (5, "year", "5 times a year"),
    ],
)
def test_how_often_is_said_with_its_period(n: int, period: str, words: str) -> None:
    assert wording.often(n, period) == words


def test_names_are_listed_as_the_readers_language_lists_them() -> None:
    with translation.override("es"):
        assert goods_words.free(free("p1", "p2").goods, KNOWN).endswith("Cup o Bowl")
    with translation.override("zh-hans"):
        assert goods_words.free(free("p1", "p2").goods, KNOWN).endswith("Cup或Bowl")


def test_parts_of_a_sentence_are_joined_as_the_readers_language_joins_them() -> None:
    goods = percentage(
        exclusive=True, first_order_only=True, goods=Goods(only_products=("p1",), never_products=("p2",))
    )
    currencies = amount(("EUR", 500, None), ("USD", 600, None))
    assert wording.limits(goods, titles=KNOWN) == (
        "for a first order, not together with another coupon, only for: Cup, not for: Bowl"
    )
    with translation.override("zh-hans"):
        assert wording.limits(goods, titles=KNOWN).count("、") == 3
        assert "," not in wording.limits(goods, titles=KNOWN)
        assert any("EUR、USD" in said for said in wording.promise(currencies))
        assert any("Cup (p1)、Bowl (p2)" in said for said in goods_words.sentences(free("p1", "p2"), KNOWN))


def test_the_first_day_is_said_while_it_is_to_come() -> None:
    coupon = Coupon(starts_at=NOW + timedelta(days=3))
    assert wording.start(coupon, at=NOW) == "March 5, 2026"
    assert wording.start(coupon, at=NOW + timedelta(days=3)) == ""
    assert wording.start(Coupon(), at=NOW) == ""


def test_the_shop_is_asked_once_for_all_and_not_at_all_where_nothing_is_named(
    fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup, bowl = fake_shop.add_product("Cup"), fake_shop.add_product("Bowl")
    asked: list[Any] = []
    known = fake_shop.get_products
    monkeypatch.setattr(fake_shop, "get_products", lambda named: asked.append(list(named)) or known(named))
    assert goods_words.titles([percentage(), percentage(goods=Goods(only_categories=("clay",)))]) == {}
    assert asked == []
    wanted = [free(cup, "p9"), percentage(goods=Goods(never_products=(bowl,))), free(cup)]
    assert goods_words.titles(wanted) == {cup: "Cup", bowl: "Bowl"}
    assert asked == [[cup, bowl, "p9"]]
    monkeypatch.setattr(FakeShop, "capabilities", frozenset(Capability) - {Capability.CATALOGUE})
    assert goods_words.titles(wanted) is None


# For staff


def promise(terms: Terms) -> list[str]:
    return list(wording.promise(terms, titles=KNOWN))


USUAL = "Each coupon is good for 30 days from issue and can be used once."
ALONE = "It cannot be used together with another coupon."


def test_an_ordinary_offer_is_four_sentences() -> None:
    assert promise(percentage()) == ["10% off, whatever the goods are worth.", USUAL, ALONE]


def test_each_amount_and_minimum_is_a_sentence_and_the_same_one_is_said_once() -> None:
    assert promise(amount(("EUR", 500, 3000), ("USD", 600, None)))[:3] == [
        "€5.00 off, on goods from €30.00.",
        "$6.00 off, whatever the goods are worth.",
        "Each coupon is for one of these currencies: EUR, USD.",
    ]
    assert promise(percentage(money=(Money(currency="EUR"), Money(currency="USD"))))[:2] == [
        "10% off, whatever the goods are worth.",
        "Each coupon is for one of these currencies: EUR, USD.",
    ]


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (
            percentage(valid_days=None, ends_on=date(2026, 5, 31), uses=2),
            ["Each coupon is good until May 31, 2026 and can be used 2 times."],
        ),
        (
            percentage(valid_days=None, starts_on=date(2026, 5, 1), ends_on=date(2026, 5, 31)),
            [
                "Each coupon is good until May 31, 2026 and can be used once.",
                "Nobody can use one before May 1, 2026.",
            ],
        ),
        (
            percentage(valid_days=1, starts_on=date(2026, 5, 1), ends_on=date(2026, 5, 31)),
            [
                "Each coupon is good for 1 day from issue and can be used once.",
                "Nobody can use one before May 1, 2026; the days of those issued earlier count from then.",
                "None is good after May 31, 2026, whenever it was issued.",
            ],
        ),
    ],
)
def test_days_are_said(terms: Terms, words: list[str]) -> None:
    assert promise(terms)[1:-1] == words


def test_goods_are_said_with_title_and_reference_and_what_is_gone_too() -> None:
    goods = Goods(only_products=("p1", "gone"), only_categories=("clay/cups",), never_products=("p2",))
    assert promise(percentage(goods=goods, sale_goods=False))[1:4] == [
        "Only for these: Cup (p1), gone (the shop has no such product), category clay/cups.",
        "Never for these: Bowl (p2).",
        "Nothing comes off what the shop itself sells at a reduced price.",
    ]
    assert list(wording.promise(percentage(goods=goods)))[1] == "Only for these: p1, gone, category clay/cups."


def test_of_many_goods_twenty_are_named() -> None:
    many = Goods(never_categories=tuple(f"c{n}" for n in range(23)))
    [said] = goods_words.sentences(percentage(goods=many), KNOWN)
    assert said.endswith("category c19, 3 more.")


def test_a_free_product_says_which_piece() -> None:
    assert promise(free("p1", categories=("clay",), never_products=("p2",)))[:3] == [
        "One of these free: Cup or anything in “clay”, whatever the goods are worth.",
        "One piece is free, the cheapest in the basket of these: Cup (p1), category clay.",
        "Never free: Bowl (p2).",
    ]


def test_turns_and_conditions_are_said() -> None:
    said = promise(percentage(exclusive=False, priority=3, conditions=(Asked(name="elsewhere.gone"),)))
    assert "Nobody can use it: there is no condition named elsewhere.gone any more." in said
    assert said[-1] == (
        "It can be used together with other coupons that allow it. Its turn is 3: the lowest takes its part first, "
        "the next one of what is left to pay."
    )
    known = promise(percentage(conditions=(Asked(name="campaigns.nth_order", parameters={"n": 2}),)))
    [condition] = [sentence for sentence in known if sentence.startswith("Only for a customer who ")]
    assert "2" in condition
