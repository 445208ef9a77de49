"""Which goods a coupon is for: what is in, what is out, and what counts for its minimum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import coupon
from retention.testing.world import World

PRICES = {"cup": Decimal(10), "bowl": Decimal(20), "vase": Decimal(40), "pad": Decimal(80)}
SHELVES = {"cup": "clay/cups", "bowl": "clay", "vase": "clay/vases", "pad": "paper"}
"""Product → the category that it stands in."""


def laden(world: World) -> tuple[Any, dict[str, str], dict[str, str]]:
    """Return a visitor with one of each in the cart (150 in all); what products are called, and the categories."""
    visitor = world.visit()
    goods = {name: world.add_product(name, price, category=SHELVES[name]) for name, price in PRICES.items()}
    for product in goods.values():
        world.put(visitor, product)
    known = world.shop.get_products(list(goods.values()))
    [clay] = known[goods["bowl"]].categories
    [cups] = set(known[goods["cup"]].categories) - {clay}
    [paper] = known[goods["pad"]].categories
    return visitor, goods, {"clay": clay, "cups": cups, "paper": paper}


@pytest.mark.django_db
class GoodsContract:
    """For a shop with COUPONS and BASKET."""

    @pytest.mark.parametrize(
        ("only_products", "only_categories", "never_products", "never_categories", "meant"),
        [
            ("", "", "", "", "cup bowl vase pad"),
            ("cup pad", "", "", "", "cup pad"),
            ("", "clay", "", "", "cup bowl vase"),
            ("", "cups", "", "", "cup"),
            ("pad", "cups", "", "", "cup pad"),
            ("", "", "bowl", "", "cup vase pad"),
            ("", "", "", "clay", "pad"),
            ("", "", "", "cups", "bowl vase pad"),
            ("", "", "pad", "cups", "bowl vase"),
            ("cup bowl", "", "bowl", "", "cup"),
            ("cup bowl pad", "", "", "clay", "pad"),
            ("cup bowl", "", "", "cups", "bowl"),
            ("", "clay", "bowl", "", "cup vase"),
            ("", "clay", "", "cups", "bowl vase"),
            ("", "clay paper", "pad", "cups", "bowl vase"),
            ("pad", "clay", "vase", "cups", "bowl pad"),
        ],
    )
    def test_what_is_out_stays_out_whatever_says_that_it_is_in(
        self,
        world: World,
        only_products: str,
        only_categories: str,
        never_products: str,
        never_categories: str,
        meant: str,
    ) -> None:
        visitor, goods, categories = laden(world)
        code = coupon(
            world,
            value=Decimal(50),
            products=tuple(goods[name] for name in only_products.split()),
            categories=tuple(categories[name] for name in only_categories.split()),
            excluded_products=tuple(goods[name] for name in never_products.split()),
            excluded_categories=tuple(categories[name] for name in never_categories.split()),
        )
        world.ask(visitor, world.shop.apply_coupon, code)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        cheaper = {line.product for line in cart.lines if line.left == line.price / 2}
        assert cheaper == {goods[name] for name in meant.split()}
        assert [line.left for line in cart.lines if line.product not in cheaper] == [
            line.price for line in cart.lines if line.product not in cheaper
        ]
        assert cart.total == Decimal(150) - sum((PRICES[name] for name in meant.split()), start=Decimal(0)) / 2

    def test_a_cart_of_what_is_out_gets_nothing(self, world: World) -> None:
        visitor, goods, categories = laden(world)
        out = coupon(world, excluded_categories=(categories["clay"],), excluded_products=(goods["pad"],))
        assert refusal(world, visitor, out) == "products"

    def test_a_category_that_the_shop_does_not_have_is_not_everything(self, world: World) -> None:
        visitor, _goods, _categories = laden(world)
        assert refusal(world, visitor, coupon(world, categories=("no-such-category",))) == "products"

    def test_the_minimum_counts_what_the_coupon_is_for(self, world: World) -> None:
        visitor, goods, categories = laden(world)
        terms: dict[str, Any] = {"categories": (categories["clay"],), "excluded_products": (goods["cup"],)}
        assert refusal(world, visitor, coupon(world, "HIGH-CODE-0001", minimum=Decimal("60.01"), **terms)) == "minimum"
        world.ask(visitor, world.shop.apply_coupon, coupon(world, "LOW-CODE-00001", minimum=Decimal("60.00"), **terms))
        assert total(world, visitor) == Decimal(144)

    def test_the_minimum_counts_before_discounts(self, world: World) -> None:
        visitor, goods, _categories = laden(world)
        world.put_on_sale(goods["pad"], Decimal(50))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, minimum=Decimal("150.00")))
        assert total(world, visitor) == Decimal(99)

    def test_a_free_product_is_the_cheapest_of_those_that_may_be_free(self, world: World) -> None:
        visitor, goods, categories = laden(world)
        code = coupon(
            world,
            kind="free_product",
            value=Decimal(0),
            categories=(categories["clay"],),
            excluded_categories=(categories["cups"],),
        )
        world.put(visitor, goods["bowl"])
        world.ask(visitor, world.shop.apply_coupon, code)
        assert total(world, visitor) == Decimal(150), "one of two bowls, not the cup"

    def test_a_free_product_counts_everything_for_its_minimum_and_needs_a_piece_in_the_cart(self, world: World) -> None:
        visitor, goods, _categories = laden(world)
        free: dict[str, Any] = {"kind": "free_product", "value": Decimal(0)}
        bowl = (goods["bowl"],)
        high = coupon(world, "HIGH-CODE-0001", products=bowl, minimum=Decimal("150.01"), **free)
        assert refusal(world, visitor, high) == "minimum"
        jug = world.add_product("jug", Decimal(5))
        assert refusal(world, visitor, coupon(world, "JUG-CODE-00001", products=(jug,), **free)) == "products"
        low = coupon(world, "LOW-CODE-00001", products=bowl, minimum=Decimal("150.00"), **free)
        world.ask(visitor, world.shop.apply_coupon, low)
        assert total(world, visitor) == Decimal(130)

    def test_free_shipping_asks_for_its_goods(self, world: World) -> None:
        visitor, goods, _categories = laden(world)
        ship: dict[str, Any] = {"kind": "free_shipping", "value": Decimal(0)}
        jug = world.add_product("jug", Decimal(5))
        assert refusal(world, visitor, coupon(world, "JUG-CODE-00001", products=(jug,), **ship)) == "products"
        high = coupon(world, "HIGH-CODE-0001", products=(goods["cup"],), minimum=Decimal("10.01"), **ship)
        assert refusal(world, visitor, high) == "minimum"
        world.ask(visitor, world.shop.apply_coupon, coupon(world, "CUP-CODE-00001", products=(goods["cup"],), **ship))
