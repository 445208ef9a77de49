"""The shop in memory and Oscar say the same of the same cart: whoever tests against the one may trust it."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from retention.shop import CouponRejected
from retention.testing.contract.making import coupon
from retention.testing.world import FakeWorld, World
from tests.oscar.world import OscarWorld

SHELVES = ("clay", "clay/cups", "paper", "")
KINDS = ("percentage", "amount", "free_product", "free_shipping")


def play(world: World, seed: int) -> list[Any]:
    """Fill a cart and try coupons, all by chance, but the same for the same seed. Returns what the shop said.

    Reduced prices are whole cents: Oscar rounds them only when an order is placed.
    """
    dice = random.Random(seed)
    goods = [
        world.add_product(f"Thing {n}", Decimal(dice.randrange(1, 50)), category=dice.choice(SHELVES)) for n in range(4)
    ]
    for product in dice.sample(goods, 2):
        world.put_on_sale(product, Decimal(dice.choice([10, 25, 50])))
    shelves = sorted({one for data in world.shop.get_products(goods).values() for one in data.categories})
    kinds = [*dice.choices(KINDS[:3], k=4), dice.choice(KINDS)]
    codes = [_coupon(world, dice, f"CODE-NUMBER-{n}", kind, goods, shelves) for n, kind in enumerate(kinds)]
    visitor = world.visit()
    for product in dice.sample(goods, 3):
        world.put(visitor, product, dice.randrange(1, 4))
    said: list[Any] = []
    for code in dice.sample(codes, len(codes)):
        try:
            world.ask(visitor, world.shop.apply_coupon, code)
        except CouponRejected as refusal:
            said.append((code, refusal.reason))
    cart = world.ask(visitor, world.shop.get_cart)
    assert cart is not None
    free = {code for code, kind in zip(codes, kinds, strict=True) if kind == "free_shipping"}
    said.append(sorted(cart.coupons))
    # what free shipping saves Oscar knows later
    said.append({use.code: str(use.discount) for use in cart.discounts if use.code not in free})
    said.append({goods.index(line.product): (line.price, line.left) for line in cart.lines})
    assert sum(use.discount for use in cart.discounts if use.code not in free) <= sum(line.price for line in cart.lines)
    assert sum(line.left or Decimal(0) for line in cart.lines) == cart.total
    return said


def _coupon(world: World, dice: random.Random, code: str, kind: str, goods: list[str], shelves: list[str]) -> str:
    def some(of: list[str], chance: float) -> tuple[str, ...]:
        return tuple(one for one in of if dice.random() < chance)

    return coupon(
        world, code, offer=code, kind=kind,
        value={"percentage": Decimal(dice.choice([10, 15, 50, 100])), "amount": Decimal(dice.choice(["3.33", "20.00"]))}
        .get(kind, Decimal(0)),
        minimum=dice.choice([None, None, Decimal("30.00")]),
        products=some(goods, 0.2), categories=some(shelves, 0.2),
        excluded_products=some(goods, 0.1), excluded_categories=some(shelves, 0.1),
        exclusive=dice.random() < 0.15, sale_goods=dice.random() < 0.6, priority=dice.choice([5, 10, 10]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_both_say_the_same(fake_world: FakeWorld, settings: Any, db: None, seed: int) -> None:
    in_memory = play(fake_world, seed)
    settings.RETENTION = {**settings.RETENTION, "SHOP": "retention.contrib.oscar.shop.OscarShop"}
    assert play(OscarWorld(), seed) == in_memory
