"""Short ways to say what most of the contract needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention.shop import CouponSpec
from retention.testing.world import World

GUEST = "Ada.Guest@example.com"
"""With capitals, as people type: addresses are compared without."""


def coupon(world: World, code: str = "SPRING-CODE-01", **fields: Any) -> str:
    """Create a coupon of 10 percent, good now. Returns its code."""
    spec: dict[str, Any] = {
        "offer": "spring",
        "name": "Spring",
        "kind": "percentage",
        "value": Decimal(10),
        "currency": world.currency,
        "starts_at": world.now() - timedelta(days=1),
        "ends_at": world.now() + timedelta(days=30),
        **fields,
    }
    world.shop.create_coupons([CouponSpec(code=code, **spec)])
    return code


def filled(world: World, *, price: str = "20.00", quantity: int = 1, user: Any = None) -> Any:
    """Return a visitor with so much of one product in the cart."""
    visitor = world.visit(user)
    world.put(visitor, world.add_product("Cup", Decimal(price)), quantity)
    return visitor


def order(world: World, *, email: str = GUEST, price: str = "20.00", user: Any = None) -> str:
    """Place an order of one product. Returns its reference."""
    reference = world.checkout(filled(world, price=price, user=user), "" if user else email)
    assert reference, "the checkout placed no order"
    return reference


@contextmanager
def counting() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as queries:
        yield queries
