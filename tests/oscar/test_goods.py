"""Goods that only Oscar has: variants, categories that move, goods without discounts; and what a look at them costs."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from oscar.core.loading import get_model

from retention.contrib.oscar import redeeming
from retention.contrib.oscar.goods import Goods
from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import counting, coupon
from tests.oscar.world import OscarWorld


@pytest.fixture
def shirts(world: OscarWorld) -> dict[str, str]:
    """A shirt in two sizes, and socks in another category."""
    shirt = world.add_product("Shirt", Decimal("1.00"), category="clothes/shirts")
    return {
        "shirt": shirt,
        "small": world.add_variant(shirt, "Small", Decimal("20.00")),
        "large": world.add_variant(shirt, "Large", Decimal("30.00")),
        "socks": world.add_product("Socks", Decimal("10.00"), category="clothes"),
    }


def with_all(world: OscarWorld, shirts: dict[str, str]) -> Client:
    visitor = world.visit()
    for name in ("small", "large", "socks"):
        world.put(visitor, shirts[name])
    return visitor


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ({"products": ("shirt",)}, "35.00"),
        ({"products": ("small",)}, "50.00"),
        ({"categories": ("clothes/shirts",)}, "35.00"),
        ({"categories": ("clothes",)}, "30.00"),
        ({"excluded_products": ("shirt",)}, "55.00"),
        ({"excluded_products": ("large",)}, "45.00"),
        ({"excluded_categories": ("clothes/shirts",)}, "55.00"),
        ({"products": ("shirt",), "excluded_products": ("large",)}, "50.00"),
        ({"products": ("small", "socks"), "excluded_products": ("shirt",)}, "55.00"),
        ({"categories": ("clothes",), "excluded_products": ("shirt",)}, "55.00"),
        ({"categories": ("clothes",), "excluded_categories": ("clothes/shirts",)}, "55.00"),
    ],
    ids=str,
)
def test_variants_count_as_what_they_are_variants_of(
    world: OscarWorld, shirts: dict[str, str], terms: dict[str, tuple[str, ...]], left: str
) -> None:
    visitor = with_all(world, shirts)
    meant = {field: tuple(shirts.get(name, name) for name in names) for field, names in terms.items()}
    world.ask(visitor, world.shop.apply_coupon, coupon(world, value=Decimal(50), **meant))
    assert total(world, visitor) == Decimal(left)


def test_a_cart_says_what_its_variants_are_variants_of(world: OscarWorld, shirts: dict[str, str]) -> None:
    cart = world.ask(with_all(world, shirts), world.shop.get_cart)
    assert cart is not None
    assert {line.product: line.parent for line in cart.lines} == {
        shirts["small"]: shirts["shirt"],
        shirts["large"]: shirts["shirt"],
        shirts["socks"]: "",
    }


def test_a_category_that_is_renamed_or_moved_stays_the_one_that_was_meant(
    world: OscarWorld, shirts: dict[str, str]
) -> None:
    only = coupon(world, "ONLY-CODE-0001", offer="only", categories=("clothes/shirts",), value=Decimal(50))
    never = coupon(world, "NEVER-CODE-001", offer="never", excluded_categories=("clothes/shirts",), value=Decimal(50))
    category = world.category("clothes/shirts")
    category.name = category.slug = "tops"
    category.save()
    for code, left in ((only, "35.00"), (never, "55.00")):
        visitor = with_all(world, shirts)
        world.ask(visitor, world.shop.apply_coupon, code)
        assert total(world, visitor) == Decimal(left)


def test_what_the_shop_gives_no_discount_on_counts_for_nothing_but_the_minimum_of_a_free_product(
    world: OscarWorld, shirts: dict[str, str]
) -> None:
    get_model("catalogue", "Product").objects.filter(pk=shirts["socks"]).update(is_discountable=False)
    visitor = with_all(world, shirts)
    assert refusal(world, visitor, coupon(world, "MIN-CODE-00001", minimum=Decimal("50.01"))) == "minimum"
    free = coupon(world, "FREE-CODE-0001", kind="free_product", value=Decimal(0), minimum=Decimal("60.00"))
    world.ask(visitor, world.shop.apply_coupon, free)
    assert total(world, visitor) == Decimal("40.00"), "the small shirt, though the socks cost less"


def test_ten_lines_ask_no_more_of_the_database_than_one(world: OscarWorld) -> None:
    world.category("clay/cups")
    some = coupon(
        world, "SOME-CODE-0001", offer="some",
        categories=("clay",), excluded_categories=("clay/cups",), excluded_products=("987654",),
    )  # fmt: skip
    everything = coupon(world, "EVERY-CODE-001", offer="every")
    more = []
    for lines in (1, 10):
        counts = {}
        products = [world.add_product(f"Bowl {n}", Decimal("10.00"), category="clay") for n in range(lines)]
        for code in (some, everything):
            visitor = world.visit()
            for product in products:
                world.put(visitor, product)
            world.ask(visitor, world.shop.apply_coupon, code)
            with counting() as queries:
                world.ask(visitor, redeeming.reckon)
            assert total(world, visitor) == Decimal(9 * lines)
            counts[code] = len(queries)
        more.append(counts[some] - counts[everything])
    # two each time that the basket is reckoned: when the request begins, and then again
    assert more == [4, 4]


@pytest.mark.parametrize(
    ("goods", "meant"),
    [
        (Goods(), True),
        (Goods(everything=False), False),
        (Goods(everything=False, products=frozenset({"1"})), True),
        (Goods(everything=False, products=frozenset({"2"})), False),
        (Goods(never_products=frozenset({"1"})), False),
        (Goods(everything=False, categories=frozenset({"7"}), never_categories=frozenset({"8"})), False),
    ],
)
def test_goods_are_stored_and_read_again_as_they_were(goods: Goods, meant: bool) -> None:
    stored: Any = goods.to_json()
    assert Goods.from_json(stored) == goods
    assert goods.match({"1"}, {"7", "8"}) is meant
    assert Goods.from_json({}) == Goods()
