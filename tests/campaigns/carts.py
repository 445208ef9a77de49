"""Plain baskets for a test, and a shop that has neither vouchers nor a basket of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from campaigns.baskets import Basket, Line
from campaigns.models import Redemption
from campaigns.quotes import Quote
from campaigns.services import till
from retention.shop import Capability, Shop
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW

ADA = "ada@example.com"


class PlainShop(FakeShop):
    """The shop in memory, without vouchers; it renders its basket itself."""

    capabilities = frozenset(Capability) - {Capability.COUPONS, Capability.BASKET}

    create_coupons = Shop.create_coupons
    coupon_status = Shop.coupon_status
    disable_coupons = Shop.disable_coupons
    extend_coupons = Shop.extend_coupons
    release_coupon = Shop.release_coupon
    apply_coupon = Shop.apply_coupon
    remove_coupon = Shop.remove_coupon

    def get_cart(self, request: HttpRequest) -> None:
        return None


def basket(*prices: int, **given: Any) -> Basket:
    """Return Ada's basket of cups at these prices, minor units, in the cart ``c1``; one of 40.00 without prices."""
    lines = tuple(Line(product=f"p{number}", price=price) for number, price in enumerate(prices or (4000,), start=1))
    return Basket(**{"reference": "c1", "currency": "EUR", "lines": lines, "email": ADA, **given})


def refusals(quote: Quote) -> list[tuple[str, str]]:
    """Return code and reason of each that is not taken."""
    return [(refusal.code, refusal.reason.value) for refusal in quote.refused]


def off(quote: Quote) -> list[tuple[str, int]]:
    """Return code and discount of each that is taken, in turn."""
    return [(taken.coupon.code, taken.discount.total) for taken in quote.taken]


def commit(order: str, *codes: str, cart: str = "c1", at: datetime = NOW) -> list[tuple[str, int]]:
    """Commit; return state and discount of each use."""
    return [(row.state, row.discount_minor) for row in till.commit(order=order, cart=cart, typed=codes, at=at)]


def refused(of: Basket, codes: Iterable[str], *, at: datetime = NOW) -> Sequence[tuple[str, str]]:
    """Reserve what must not be had; return code and reason of each refusal."""
    before = sorted(Redemption.objects.values_list("pk", "state", "reason", "discount_minor", "lease_until"))
    try:
        till.reserve(of, codes, at=at)
    except till.Refused as no:
        after = sorted(Redemption.objects.values_list("pk", "state", "reason", "discount_minor", "lease_until"))
        assert after == before, "a refusal changed something"
        return [(refusal.code, refusal.reason.value) for refusal in no.refusals]
    raise AssertionError("it was reserved")
