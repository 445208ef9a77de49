"""The margin guard: exact floors, and which coupons it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import queries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, MarginGuard, ProductCost
from campaigns.reasons import Reason
from campaigns.services import checking, margin
from campaigns.terms import Goods, Terms
from retention.shop import Capability
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, make_offer, percentage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def guard(share: Any = None, over: Any = None) -> MarginGuard:
    """Set the floor: percent of the list price, percent over cost."""
    row, _ = MarginGuard.objects.update_or_create(
        pk=1,
        defaults={
            "share_of_list": None if share is None else Decimal(share),
            "over_cost": None if over is None else Decimal(over),
        },
    )
    return row


def cost(product: str, minor: int, currency: str = "EUR") -> None:
    ProductCost.objects.create(product=product, currency=currency, cost_minor=minor, changed_at=NOW)


def says_cost(shop: FakeShop, product: str, amount: str, currency: str = "EUR") -> None:
    """Let the shop's own catalogue say what a product costs."""
    shop.products[product] = replace(shop.products[product], cost=Decimal(amount), currency=currency)


def basket(*lines: Line | int, currency: str = "EUR", **given: Any) -> Basket:
    goods = tuple(
        line if isinstance(line, Line) else Line(product=f"p{n}", price=line) for n, line in enumerate(lines, start=1)
    )
    return Basket(reference="c1", currency=currency, lines=goods, email="ada@example.com", **given)


def floor(*lines: Line | int, share: Any = None, over: Any = None, currency: str = "EUR") -> int:
    return margin.floor(basket(*lines, currency=currency), guard(share, over))


def costs(product: str, currency: str = "EUR") -> Mapping[str, int]:
    return margin.costs(basket(Line(product=product, price=10_000), currency=currency))


# The floor


def test_a_guard_that_says_nothing_is_off() -> None:
    assert margin.guard() is None
    guard()
    assert margin.guard() is None
    assert guard(share=0) == margin.guard()
    assert guard(over=0) == margin.guard()


@pytest.mark.parametrize(
    ("share", "lines", "least"),
    [
        ("70", (10_000,), 7000),
        ("70", (4000, 6000), 7000),
        ("0", (10_000,), 0),
        ("100", (999,), 999),
        ("33.33", (100,), 34),  # rounded up, so that the shop never loses by it
        ("33.33", (100, 100, 100), 100),  # 99.99: once, over all lines
        ("12.5", (8,), 1),
        ("70", (), 0),
    ],
)
def test_a_share_of_the_list_price_is_reckoned_exactly(share: str, lines: tuple[int, ...], least: int) -> None:
    assert floor(*lines, share=share) == least


def test_the_list_price_is_before_what_the_shop_itself_takes_off() -> None:
    assert floor(Line(product="p1", price=10_000, now=5000), share=70) == 7000


@pytest.mark.parametrize(
    ("over", "quantity", "least"), [("0", 1, 333), ("20", 1, 400), ("20", 3, 1199), ("-50", 1, 167), ("-100", 9, 0)]
)
def test_the_cost_is_of_every_piece_with_what_comes_on_top(over: str, quantity: int, least: int) -> None:
    cost("p1", 333)
    assert floor(Line(product="p1", price=9999, quantity=quantity), over=over) == least


def test_goods_whose_cost_is_unknown_have_no_floor_by_cost() -> None:
    cost("p1", 5000)
    assert floor(10_000, 10_000, over=20) == 6000
    assert floor(10_000, 10_000, over=20, share=10) == 7000  # of the second one tenth


def test_where_both_are_set_the_higher_counts_line_by_line() -> None:
    cost("p1", 8000)
    cost("p2", 1000)
    assert floor(10_000, 10_000, share=50, over=10) == 8800 + 5000


def test_the_shops_own_word_goes_before_the_file(shop: FakeShop) -> None:
    product = shop.add_product("Cup", price=Decimal(100))
    cost(product, 1000)
    assert costs(product) == {product: 1000}
    says_cost(shop, product, "60.00")
    assert costs(product) == {product: 6000}
    assert floor(Line(product=product, price=10_000), over=10) == 6600


def test_a_cost_in_another_currency_is_no_cost(shop: FakeShop) -> None:
    product = shop.add_product("Cup", price=Decimal(100))
    says_cost(shop, product, "60.00", currency="USD")
    cost(product, 4000, "GBP")
    assert costs(product) == {}
    assert costs(product, "USD") == {product: 6000}
    assert costs(product, "GBP") == {product: 4000}
    assert floor(Line(product=product, price=10_000), over=0, currency="GBP") == 4000


def test_a_shop_without_a_catalogue_is_not_asked(shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    product = shop.add_product("Cup", price=Decimal(100))
    says_cost(shop, product, "60.00")
    cost(product, 1000)
    monkeypatch.setattr(FakeShop, "capabilities", frozenset(Capability) - {Capability.CATALOGUE})
    assert costs(product) == {product: 1000}


# Which coupons it refuses


def coupon(slug: str, terms: Terms) -> Coupon:
    return give(make_offer(terms, slug=slug), key=slug)


def refused(*coupons: Coupon, basket: Basket) -> Mapping[str, Reason]:
    found = list(queries.by_code([one.code for one in coupons]))
    keys = {one.pk: one.key for one in coupons}
    return {keys[pk]: no.reason for pk, no in checking.check(found, basket=basket, at=NOW).items()}


def test_a_coupon_may_go_down_to_the_floor_and_not_a_cent_below() -> None:
    guard(share=70)
    five = coupon("five", amount(("EUR", 3000, None)))
    assert refused(five, basket=basket(10_000)) == {}
    assert refused(five, basket=basket(9_999)) == {"five": Reason.MARGIN}
    tenth = coupon("thirty", percentage("30.01"))
    assert refused(tenth, basket=basket(10_000)) == {"thirty": Reason.MARGIN}


def test_with_the_guard_off_everything_may_be_free() -> None:
    free = coupon("free", percentage("100"))
    assert refused(free, basket=basket(10_000)) == {}
    guard()
    assert refused(free, basket=basket(10_000)) == {}
    guard(share=1)
    assert refused(free, basket=basket(10_000)) == {"free": Reason.MARGIN}


def test_of_several_the_last_in_turn_is_refused_whatever_order_they_come_in() -> None:
    guard(share=70)
    first = coupon("first", percentage("20", exclusive=False))
    second = coupon("second", percentage("10", exclusive=False))
    last = coupon("last", amount(("EUR", 500, None), exclusive=False))
    assert refused(first, second, basket=basket(10_000)) == {}  # 72.00
    assert refused(last, second, first, basket=basket(10_000)) == {"last": Reason.MARGIN}  # 67.00


def test_as_many_are_refused_as_must_be() -> None:
    guard(share=95)
    coupons = [
        coupon("one", percentage("5", exclusive=False, priority=1)),
        coupon("two", percentage("5", exclusive=False, priority=2)),
        coupon("three", percentage("5", exclusive=False, priority=3)),
    ]
    assert refused(*coupons, basket=basket(10_000)) == {"two": Reason.MARGIN, "three": Reason.MARGIN}


def test_a_lower_turn_keeps_its_place_though_the_other_is_older() -> None:
    guard(share=80)
    older = coupon("older", amount(("EUR", 1500, None), exclusive=False))
    newer = coupon("newer", amount(("EUR", 1500, None), exclusive=False, priority=1))
    assert refused(older, newer, basket=basket(10_000)) == {"older": Reason.MARGIN}


def test_free_shipping_is_never_refused_for_the_goods() -> None:
    guard(share=100)
    post = coupon("post", Terms(kind="free_shipping", valid_days=30, exclusive=False))
    tenth = coupon("tenth", percentage("10", exclusive=False))
    assert refused(post, tenth, basket=basket(10_000, shipping=490)) == {"tenth": Reason.MARGIN}


def test_a_free_product_counts_like_any_discount(shop: FakeShop) -> None:
    guard(share=70)
    free = coupon("free", Terms(kind="free_product", valid_days=30, goods=Goods(only_products=("p2",))))
    assert refused(free, basket=basket(7_000, 3_000)) == {}
    assert refused(free, basket=basket(6_999, 3_000)) == {"free": Reason.MARGIN}


def test_what_the_shop_itself_takes_off_counts_towards_the_floor() -> None:
    guard(share=70)
    tenth = coupon("tenth", percentage("10"))
    assert refused(tenth, basket=basket(Line(product="p1", price=10_000, now=8000))) == {}  # 72.00
    assert refused(tenth, basket=basket(Line(product="p1", price=10_000, now=7500))) == {"tenth": Reason.MARGIN}


def test_goods_below_the_floor_by_the_shops_own_price_take_no_coupon() -> None:
    guard(share=70)
    least = coupon("least", amount(("EUR", 1, None)))
    assert refused(least, basket=basket(Line(product="p1", price=10_000, now=5000))) == {"least": Reason.MARGIN}


def test_by_cost_a_coupon_is_refused_for_these_goods_and_good_for_others() -> None:
    guard(over=20)
    cost("p1", 8000)
    tenth = coupon("tenth", percentage("10"))
    assert refused(tenth, basket=basket(10_000)) == {"tenth": Reason.MARGIN}  # 90.00, and 96.00 is the floor
    assert refused(tenth, basket=basket(Line(product="p2", price=10_000))) == {}
    assert refused(tenth, basket=basket(10_000, 10_000)) == {}  # 180.00


def test_each_currency_has_its_own_costs() -> None:
    guard(over=0)
    cost("p1", 9500, "EUR")
    cost("p1", 8500, "GBP")
    tenth = coupon("tenth", percentage("10"))
    assert refused(tenth, basket=basket(10_000, currency="EUR")) == {"tenth": Reason.MARGIN}
    assert refused(tenth, basket=basket(10_000, currency="GBP")) == {}


def test_where_the_shop_reckons_its_word_is_taken_for_what_is_in_the_basket() -> None:
    guard(share=70)
    tenth, more = (coupon(slug, percentage("10", exclusive=False)) for slug in ("tenth", "more"))
    in_it = basket(10_000, discounts={tenth.code: 1000}, left=9000, codes=(tenth.code,))
    assert refused(tenth, basket=in_it) == {}
    # the shop's own voucher has taken 25.00 besides
    low = basket(10_000, discounts={tenth.code: 1000}, left=6500, codes=(tenth.code,))
    assert refused(tenth, basket=low) == {"tenth": Reason.MARGIN}
    # the one that is not in it yet comes on top
    assert refused(tenth, more, basket=in_it) == {}
    tight = basket(10_000, discounts={tenth.code: 1000}, left=7500, codes=(tenth.code,))
    assert refused(tenth, more, basket=tight) == {"more": Reason.MARGIN}


def test_what_free_shipping_saves_does_not_count_for_the_goods_where_the_shop_reckons() -> None:
    guard(share=71)
    tenth = coupon("tenth", percentage("30", exclusive=False))
    post = coupon("post", Terms(kind="free_shipping", valid_days=30, exclusive=False))
    codes = (tenth.code, post.code)
    mine = basket(10_000, discounts={tenth.code: 3000, post.code: 490}, left=7000, codes=codes)
    assert refused(tenth, post, basket=mine) == {"tenth": Reason.MARGIN}


def test_a_voucher_of_the_shops_own_stays_in_the_basket_and_counts() -> None:
    guard(share=70)
    tenth = coupon("tenth", percentage("10"))
    mine = basket(10_000, discounts={tenth.code: 1000, "SHOPS-OWN": 2500}, left=6500, codes=(tenth.code, "SHOPS-OWN"))
    assert refused(tenth, basket=mine) == {"tenth": Reason.MARGIN}


def test_what_a_coupon_took_that_goes_for_another_reason_is_there_again() -> None:
    guard(share=70)
    good, over = (coupon(slug, percentage("20", exclusive=False)) for slug in ("good", "over"))
    Coupon.objects.filter(pk=over.pk).update(expires_at=NOW, issued_at=NOW - timedelta(days=9))
    mine = basket(10_000, discounts={good.code: 2000, over.code: 1600}, left=6400, codes=(good.code, over.code))
    assert refused(good, over, basket=mine) == {"over": Reason.EXPIRED}


def test_one_that_is_refused_for_another_reason_takes_nothing_of_the_floor() -> None:
    guard(share=70)
    good, over = (coupon(slug, percentage("20", exclusive=False)) for slug in ("good", "over"))
    Coupon.objects.filter(pk=over.pk).update(expires_at=NOW, issued_at=NOW - timedelta(days=9))
    assert refused(good, over, basket=basket(10_000)) == {"over": Reason.EXPIRED}


def test_without_a_guard_nothing_is_asked_for_it() -> None:
    tenth = coupon("tenth", percentage("10"))

    def cost_of() -> int:
        found = list(queries.by_code([tenth.code]))
        with CaptureQueriesContext(connection) as asked:
            checking.check(found, basket=basket(10_000), at=NOW)
        return sum("marginguard" in query["sql"] or "productcost" in query["sql"] for query in asked)

    assert cost_of() == 0
    guard(share=50)
    assert cost_of() == 1
    guard(share=50, over=0)
    assert cost_of() == 2
