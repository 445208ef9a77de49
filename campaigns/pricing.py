"""What coupons take off a plain basket, in minor units: each in its turn, from what those before it left to pay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from campaigns.baskets import Basket, Line
from campaigns.models import Coupon
from campaigns.terms import Kind, Money, Terms
from retention.spreading import spread

TURNS = (Kind.FREE_PRODUCT, Kind.PERCENTAGE, Kind.AMOUNT, Kind.FREE_SHIPPING)
"""Of coupons with one priority."""

Categories = Mapping[str, Collection[str]]
"""Product → the categories that it is kept in."""


@dataclass(frozen=True, kw_only=True)
class Discount:
    """What one coupon takes off."""

    lines: tuple[int, ...] = ()
    """Of each line of the basket."""
    shipping: int = 0

    @property
    def total(self) -> int:
        return sum(self.lines) + self.shipping


def in_turn(coupons: Sequence[Coupon]) -> list[Coupon]:
    """Return the coupons in the order in which they take their part, whatever order they were put in."""

    def turn(coupon: Coupon) -> tuple[bool, int, int, int]:
        terms = coupon.terms
        return not terms.exclusive, terms.priority, TURNS.index(Kind(terms.kind)), coupon.pk

    return sorted(coupons, key=turn)


def discounts(coupons: Sequence[Coupon], basket: Basket, categories: Categories) -> dict[int, Discount]:
    """Return coupon id → what it takes off, all of them used together."""
    left = [line.due for line in basket.lines]
    pieces = [line.quantity for line in basket.lines]
    shipping = basket.shipping
    found = {}
    for coupon in in_turn(coupons):
        discount = _discount(coupon.terms, coupon.money, basket, left, pieces, shipping, categories)
        if coupon.terms.kind == Kind.FREE_PRODUCT:
            pieces = [n - (part > 0) for n, part in zip(pieces, discount.lines, strict=True)]
        left = [rest - part for rest, part in zip(left, discount.lines, strict=True)]
        shipping -= discount.shipping
        found[coupon.pk] = discount
    return found


def alone(coupon: Coupon, basket: Basket, categories: Categories) -> int:
    """Return what a coupon takes off where it is the only one."""
    return discounts([coupon], basket, categories)[coupon.pk].total


def meant(terms: Terms, basket: Basket, categories: Categories) -> list[int]:
    """Return the indexes of the lines that the terms are for."""
    return [
        index
        for index, line in enumerate(basket.lines)
        if terms.goods.match({line.product, line.parent}, _kept_in(line, categories))
        and (terms.sale_goods or not line.is_reduced)
    ]


def _kept_in(line: Line, categories: Categories) -> Collection[str]:
    return line.categories if line.categories is not None else categories.get(line.product, ())


def _discount(
    terms: Terms,
    money: Money | None,
    basket: Basket,
    left: Sequence[int],
    pieces: Sequence[int],
    shipping: int,
    categories: Categories,
) -> Discount:
    nothing = (0,) * len(left)
    if terms.kind == Kind.FREE_SHIPPING:
        return Discount(lines=nothing, shipping=shipping)
    mine = [index for index in meant(terms, basket, categories) if left[index] > 0]
    if terms.kind == Kind.FREE_PRODUCT:
        return Discount(lines=_cheapest_piece(mine, left, pieces))
    due = dict.fromkeys(range(len(left)), 0) | {index: left[index] for index in mine}
    total = _amount(terms, money, sum(due.values()))
    shares = spread(total, list(due.values()), 1)
    return Discount(lines=tuple(shares))


def _amount(terms: Terms, money: Money | None, whole: int) -> int:
    if terms.kind == Kind.PERCENTAGE and terms.percent is not None:
        return int((whole * terms.percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
    if money is not None and money.amount is not None:
        return min(money.amount, whole)
    return 0


def _cheapest_piece(mine: Sequence[int], left: Sequence[int], pieces: Sequence[int]) -> tuple[int, ...]:
    """Take one piece of the line whose pieces, of those that still cost something, cost least; of equals the first."""
    prices = {index: Decimal(left[index]) / pieces[index] for index in mine}
    cheapest = min(prices, key=lambda index: (prices[index], index), default=None)
    return tuple(int(prices[index]) if index == cheapest else 0 for index in range(len(left)))
