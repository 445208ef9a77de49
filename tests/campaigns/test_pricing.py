"""What coupons take off a plain basket, to the cent, whatever order they were put in."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import pricing
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, OfferVersion
from campaigns.pricing import Discount
from campaigns.terms import Goods, Kind, Money, Terms


def coupon(pk: int, kind: str, off: Any = None, **terms: Any) -> Coupon:
    """Make a coupon of so many percent, or minor units of EUR, that is nowhere stored."""
    said: dict[str, Any] = {"valid_days": 30, "exclusive": False, **terms}
    if kind == Kind.PERCENTAGE:
        said["percent"] = Decimal(off)
    if kind == Kind.AMOUNT:
        said["money"] = (Money(currency="EUR", amount=off),)
    version = OfferVersion(terms_json=Terms(kind=kind, **said).to_json())
    return Coupon(pk=pk, code=f"C{pk}", version=version, currency="EUR" if kind == Kind.AMOUNT else "")


def basket(*lines: Line | int, shipping: int = 0, currency: str = "EUR") -> Basket:
    goods = tuple(
        line if isinstance(line, Line) else Line(product=f"p{n}", price=line) for n, line in enumerate(lines, start=1)
    )
    return Basket(currency=currency, lines=goods, shipping=shipping)


def off(*coupons: Coupon, basket: Basket, kept_in: pricing.Categories | None = None) -> list[Discount]:
    found = pricing.discounts(coupons, basket, kept_in or {})
    return [found[one.pk] for one in coupons]


@pytest.mark.parametrize(
    ("percent", "lines", "shares"),
    [
        ("10", (1000,), (100,)),
        ("12.5", (1000,), (125,)),
        ("10", (5,), (1,)),  # half a cent is a cent
        ("10", (4,), (0,)),
        ("100", (999, 1), (999, 1)),
        ("0.01", (4999,), (0,)),
        ("0.01", (5000,), (1,)),
        ("33.33", (100, 100, 100), (33, 33, 34)),  # rounded once, over all; the rest goes to the last
        ("50", (1, 1, 1), (0, 1, 1)),
        ("10", (0, 1000), (0, 100)),
        ("10", (), ()),
    ],
)
def test_a_percentage_is_rounded_once_half_up_and_spread(
    percent: str, lines: tuple[int, ...], shares: tuple[int, ...]
) -> None:
    assert off(coupon(1, "percentage", percent), basket=basket(*lines)) == [Discount(lines=shares)]


@pytest.mark.parametrize(
    ("amount", "lines", "shares"),
    [
        (500, (1000,), (500,)),
        (500, (300,), (300,)),  # never more than the goods cost
        (100, (100, 200), (33, 67)),
        (1, (100, 100), (0, 1)),
        (500, (200, 300), (200, 300)),
        (500, (), ()),
    ],
)
def test_an_amount_is_spread_by_what_each_line_costs(
    amount: int, lines: tuple[int, ...], shares: tuple[int, ...]
) -> None:
    assert off(coupon(1, "amount", amount), basket=basket(*lines)) == [Discount(lines=shares)]


def test_free_shipping_takes_the_shipping_and_nothing_else() -> None:
    [taken] = off(coupon(1, "free_shipping"), basket=basket(1000, shipping=490))
    assert (taken.lines, taken.shipping, taken.total) == ((0,), 490, 490)
    assert off(coupon(1, "free_shipping"), basket=basket(1000))[0].total == 0


@pytest.mark.parametrize(
    ("lines", "shares"),
    [
        ((Line(product="a", price=900), Line(product="b", price=700)), (0, 700)),
        ((Line(product="a", price=900), Line(product="b", price=1500, quantity=3)), (0, 500)),  # one piece of three
        ((Line(product="a", price=700), Line(product="b", price=700)), (700, 0)),  # of equals the first
        (
            (Line(product="a", price=1000, quantity=3), Line(product="b", price=999)),
            (333, 0),
        ),  # never more than a piece
        ((Line(product="a", price=0), Line(product="b", price=700)), (0, 700)),  # what costs nothing is free already
        ((), ()),
    ],
)
def test_of_what_may_be_free_the_cheapest_piece_is(lines: tuple[Line, ...], shares: tuple[int, ...]) -> None:
    free = coupon(1, "free_product", goods=Goods(only_products=("a", "b")))
    assert off(free, basket=basket(*lines)) == [Discount(lines=shares)]


def test_two_free_products_are_two_pieces_each_at_its_price() -> None:
    one, other, third = (coupon(pk, "free_product", goods=Goods(only_products=("p1",))) for pk in (1, 2, 3))
    two_cups = basket(Line(product="p1", price=2000, quantity=2), 5000)
    assert [taken.total for taken in off(one, other, third, basket=two_cups)] == [1000, 1000, 0]
    three_for_ten = basket(Line(product="p1", price=1000, quantity=3))
    assert [taken.total for taken in off(one, other, third, basket=three_for_ten)] == [333, 333, 334]


def test_what_is_not_named_is_not_free() -> None:
    free = coupon(1, "free_product", goods=Goods(only_categories=("clay",), never_products=("p2",)))
    goods = basket(100, 200, 300)
    kept_in = {"p2": ("clay",), "p3": ("clay", "clay/cups")}
    assert off(free, basket=goods, kept_in=kept_in) == [Discount(lines=(0, 0, 300))]


def test_only_the_goods_that_are_meant_get_cheaper() -> None:
    half = coupon(1, "percentage", "50", goods=Goods(only_products=("p1", "p3"), never_categories=("sale",)))
    goods = basket(100, 200, Line(product="p3", price=300, categories=("sale",)))
    assert off(half, basket=goods) == [Discount(lines=(50, 0, 0))]


def test_reduced_goods_are_left_out_where_the_terms_say_so_and_else_taken_as_they_cost_now() -> None:
    goods = basket(Line(product="p1", price=1000, now=600), 1000)
    assert off(coupon(1, "percentage", "10"), basket=goods) == [Discount(lines=(60, 100))]
    assert off(coupon(1, "percentage", "10", sale_goods=False), basket=goods) == [Discount(lines=(0, 100))]


def test_an_amount_takes_nothing_where_the_terms_name_no_amount() -> None:
    assert off(coupon(1, "amount", None), basket=basket(1000)) == [Discount(lines=(0,))]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        # one after the other, each of what is left
        (coupon(1, "percentage", "10"), coupon(2, "percentage", "20"), (1000, 1800)),
        # a percentage before an amount, whichever is older
        (coupon(1, "amount", 500), coupon(2, "percentage", "10"), (500, 1000)),
        # but priority goes before kind
        (coupon(1, "amount", 500, priority=5), coupon(2, "percentage", "10"), (500, 950)),
        # one that stands alone goes before all
        (coupon(1, "amount", 500), coupon(2, "amount", 9800, exclusive=True, priority=99), (200, 9800)),
        # never below zero
        (coupon(1, "amount", 9000), coupon(2, "amount", 9000), (9000, 1000)),
        (coupon(1, "percentage", "100"), coupon(2, "amount", 500), (10_000, 0)),
    ],
)
def test_of_two_each_takes_its_part_of_what_the_one_before_left(
    one: Coupon, other: Coupon, both: tuple[int, int]
) -> None:
    goods = basket(4000, 6000)
    assert tuple(taken.total for taken in off(one, other, basket=goods)) == both
    assert tuple(taken.total for taken in off(other, one, basket=goods)) == both[::-1]


def test_kinds_of_one_priority_have_their_turn_whatever_order_they_were_put_in() -> None:
    free = coupon(9, "free_product", goods=Goods(only_products=("p1",)))
    tenth, five, post = coupon(8, "percentage", "10"), coupon(7, "amount", 500), coupon(6, "free_shipping")
    for mixed in permutations([free, tenth, five, post]):
        assert [one.pk for one in pricing.in_turn(mixed)] == [9, 8, 7, 6]


def test_of_equals_the_older_comes_first() -> None:
    pair = [coupon(pk, "percentage", "10") for pk in (3, 2)]
    assert [one.pk for one in pricing.in_turn(pair)] == [2, 3]


def test_all_permutations_of_six_coupons_come_to_the_same_cents() -> None:
    coupons = [
        coupon(1, "percentage", "12.5"),
        coupon(2, "amount", 777, priority=3),
        coupon(3, "free_product", goods=Goods(only_products=("p2",))),
        coupon(4, "free_shipping"),
        coupon(5, "percentage", "33.33", goods=Goods(only_products=("p1", "p3"))),
        coupon(6, "amount", 1, exclusive=True),
    ]
    goods = basket(1999, Line(product="p2", price=1500, quantity=4), 333, shipping=490)
    expected = pricing.discounts(coupons, goods, {})
    assert sum(taken.total for taken in expected.values()) == 1 + 777 + 299 + 344 + 542 + 490
    for mixed in permutations(coupons):
        assert pricing.discounts(mixed, goods, {}) == expected


LINES = st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 5), st.integers(0, 100)), min_size=0, max_size=6)
COUPONS = st.lists(
    st.tuples(
        st.sampled_from(["percentage", "amount", "free_product", "free_shipping"]),
        st.decimals(min_value="0.01", max_value="100", places=2),
        st.integers(1, 50_000),
        st.integers(0, 99),
        st.booleans(),
        st.booleans(),
    ),
    max_size=5,
)


@given(lines=LINES, wanted=COUPONS, shipping=st.integers(0, 2_000), turned=st.randoms())
def test_nothing_ever_costs_less_than_nothing(lines: Any, wanted: Any, shipping: int, turned: Any) -> None:
    goods = basket(
        *(
            Line(product=f"p{n}", price=price, quantity=quantity, now=price * (100 - sale) // 100)
            for n, (price, quantity, sale) in enumerate(lines)
        ),
        shipping=shipping,
    )
    coupons = [
        coupon(
            pk, kind, {"percentage": percent, "amount": amount}.get(kind), priority=priority, exclusive=alone,
            sale_goods=reduced, goods=Goods(only_products=("p0", "p1")) if kind == "free_product" else Goods(),
        )
        for pk, (kind, percent, amount, priority, alone, reduced) in enumerate(wanted, start=1)
    ]  # fmt: skip
    found = pricing.discounts(coupons, goods, {})
    for index, line in enumerate(goods.lines):
        parts = [taken.lines[index] for taken in found.values()]
        assert min(parts, default=0) >= 0
        assert sum(parts) <= line.due
    assert 0 <= sum(taken.shipping for taken in found.values()) <= shipping
    turned.shuffle(coupons)
    assert pricing.discounts(coupons, goods, {}) == found
