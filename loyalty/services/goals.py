"""How far orders lead to what a challenge asks: pure arithmetic over orders that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from loyalty.models.challenge import Goal


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """One line of an order."""

    product: str
    categories: tuple[str, ...]
    amount_minor: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An order that counts: paid, neither cancelled nor paid back in full, and no history."""

    reference: str
    placed_at: datetime
    currency: str
    goods_minor: int
    """Goods after discounts."""
    refunded_minor: int
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

    A line counts whole while its order does; an amount is that of the goods less what was paid back.
    """
    progress = 0
    wins: list[str] = []
    products: set[str] = set()
    for order in sorted(orders, key=lambda order: (order.placed_at, order.reference)):
        lines = [line for line in order.lines if asked.takes(line)]
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


def _amount(order: Placed, asked: Asked, lines: Sequence[Bought]) -> int:
    if order.currency != asked.currency:
        return 0
    goods = sum(line.amount_minor for line in lines) if asked.of_goods else order.goods_minor
    return max(0, goods - order.refunded_minor)
