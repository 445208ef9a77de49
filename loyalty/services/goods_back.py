"""What of an order's refunds is about its goods: asked by gifts, giving, challenges and paid memberships alike.

Money that a refund names a line for is that line's, never more than it cost. All other money, also what is more than
the lines cost that it is named for, is taken to be for the shipping first, however many refunds there are: only what
is more than shipping cost is for goods, so nobody loses anything over shipping that was paid back. All that is left of
the goods, to the penny, is all of them, since a shop may keep its shipping; but not where shipping cost just as much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from retention.models import Order, OrderLine, Refund


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """What went back of one order. Minor units."""

    goods_minor: int
    """What the goods cost, less what went back of them by name."""
    unnamed_minor: int = 0
    """What went back and is no line's."""
    shipping_minor: int = 0
    by_line: Mapping[str, int] = field(default_factory=dict)
    """Line → what went back of it by name, at most what it cost; others were not named."""

    def of_goods(self, asked_minor: int | None = None) -> int:
        """Return how much of what is no line's is for the goods.

        ``asked_minor``: what is left by name of the goods that one asks about, where these are not all of them: a sum
        that shipping would explain as well is not theirs.
        """
        asked = self.goods_minor if asked_minor is None else asked_minor
        all_goods = self.unnamed_minor == self.goods_minor and self.shipping_minor != asked
        return min(self.goods_minor, max(0, self.unnamed_minor - (0 if all_goods else self.shipping_minor)))

    def is_gone(self, line: OrderLine) -> bool:
        """Whether all that a line cost went back by its name."""
        return line.reference in self.by_line and self.by_line[line.reference] >= line.amount_minor

    def left_of(self, lines: Iterable[OrderLine]) -> int:
        """Return what some lines cost, less what went back of them by name."""
        return sum(line.amount_minor - self.by_line.get(line.reference, 0) for line in lines)

    @property
    def left_minor(self) -> int:
        """Worth of the goods that the customer has kept."""
        return self.goods_minor - self.of_goods()


def of(orders: Iterable[Order]) -> dict[int, Back]:
    """Return order id → what went back of it. Two queries, none where nothing did."""
    found = list(orders)
    refunded = [order.pk for order in found if order.refunded_minor > 0]
    costs: dict[int, dict[str, int]] = defaultdict(dict)
    named: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    if refunded:
        for order, lines in Refund.objects.filter(order__in=refunded).exclude(lines=[]).values_list("order", "lines"):
            for line, minor in lines:
                named[order][line] += minor
    if named:
        rows = OrderLine.objects.filter(order__in=named).values_list("order", "reference", "amount_minor")
        for order, line, minor in rows:
            costs[order][line] = max(0, minor)
    return {order.pk: _back(order, named[order.pk], costs[order.pk]) for order in found}


def _back(order: Order, named: Mapping[str, int], costs: Mapping[str, int]) -> Back:
    by_line = {line: min(costs[line], max(0, minor)) for line, minor in named.items() if line in costs}
    whole = sum(by_line.values())
    return Back(
        goods_minor=max(0, order.items_minor - whole),
        unnamed_minor=max(0, order.refunded_minor - whole),
        shipping_minor=max(0, order.shipping_minor),
        by_line=by_line,
    )
