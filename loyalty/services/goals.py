"""How far orders lead to what a challenge asks: pure arithmetic over orders that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from loyalty.models.challenge import Goal


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """One line of an order that was not given back whole."""

    product: str
    categories: tuple[str, ...]
    amount_minor: int
    """Less what went back of it by its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An order that counts: paid, neither cancelled nor paid back in full, and no history."""

    reference: str
    placed_at: datetime
    currency: str
    goods_minor: int
    """Goods after discounts, less what went back of them by name."""
    refunded_minor: int
    """What went back of the goods and is no line's."""
    lines: tuple[Bought, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a challenge asks."""

    goal: str
    target: int
    currency: str = ""
    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    """Both empty: everything counts."""

    @property
    def of_goods(self) -> bool:
        return bool(self.products or self.categories)

    @property
    def needs_lines(self) -> bool:
        return self.goal == Goal.PRODUCTS or self.of_goods

    def takes(self, line: Bought) -> bool:
        return not self.of_goods or line.product in self.products or not self.categories.isdisjoint(line.categories)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What was reached, and the order with which each further win came."""

    progress: int
    orders: tuple[str, ...] = ()


def reached(orders: Iterable[Placed], asked: Asked, *, most: int) -> Reached:
    """Return how far these orders lead, in orders, products or minor units, whatever order they come in.

    What a refund names a line for is taken off that line alone; a product counts until all that its lines cost went
    back. What is no line's takes from an amount its share, rounded down, and no product unless it is all of the goods.
    """
    progress = 0
    wins: list[str] = []
    products: set[str] = set()
    for order in sorted(orders, key=lambda order: (order.placed_at, order.reference)):
        lines = [line for line in order.lines if asked.takes(line)] if _has_goods(order) else []
        if asked.goal == Goal.AMOUNT:
            progress += _amount(order, asked, lines)
        elif asked.goal == Goal.PRODUCTS:
            products |= {line.product for line in lines}
            progress = len(products)
        elif lines or not asked.of_goods:
            progress += 1
        while len(wins) < min(most, progress // asked.target):
            wins.append(order.reference)
    return Reached(progress=progress, orders=tuple(wins))


def _has_goods(order: Placed) -> bool:
    return not order.refunded_minor or order.refunded_minor < order.goods_minor


def _amount(order: Placed, asked: Asked, lines: Sequence[Bought]) -> int:
    if order.currency != asked.currency:
        return 0
    if not asked.of_goods:
        return max(0, order.goods_minor - order.refunded_minor)
    mine, whole = (sum(line.amount_minor for line in some) for some in (lines, order.lines))
    return mine - (min(whole, order.refunded_minor) * mine // whole if whole else 0)
