"""What of an order earns: its goods as rules and the basis see them, from our rows or from the shop's words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loyalty.models.programme import Basis
from loyalty.services.earning import Part
from retention.models import Order, OrderLine
from retention.money import to_minor
from retention.shop import LineData, OrderData


@dataclass(frozen=True, kw_only=True, slots=True)
class Goods:
    """One line of an order or a basket. Amounts in minor units, for the whole line."""

    line: str
    product: str
    categories: frozenset[str]
    """Its own and those above them."""
    quantity: int
    minor: int
    """What is paid for it, after discounts, tax included."""
    listed_minor: int
    tax_minor: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sale:
    """An order's money, in minor units."""

    items_minor: int
    total_minor: int
    shipping_minor: int = 0
    tax_minor: int | None = None
    points_minor: int = 0
    """What points paid of the goods."""
    goods: tuple[Goods, ...] = ()


def of_lines(lines: Iterable[OrderLine]) -> tuple[Goods, ...]:
    """Return the goods of our rows of one order."""
    return tuple(
        Goods(
            line=line.reference,
            product=line.product,
            categories=frozenset(line.categories),
            quantity=line.quantity,
            minor=line.amount_minor,
            listed_minor=line.list_minor,
            tax_minor=line.tax_minor,
        )
        for line in lines
    )


def of_data(lines: Iterable[LineData], currency: str) -> tuple[Goods, ...]:
    """Return the goods of an order as the shop says it."""
    return tuple(
        Goods(
            line=line.reference,
            product=line.product,
            categories=frozenset(line.categories),
            quantity=line.quantity,
            minor=to_minor(line.amount, currency),
            listed_minor=to_minor(line.list_price, currency),
            tax_minor=None if line.tax is None else to_minor(line.tax, currency),
        )
        for line in lines
    )


def sale_of_row(order: Order, lines: Iterable[OrderLine], *, points_minor: int = 0) -> Sale:
    """Return an order of the projection. ``points_minor``: what points paid of it."""
    return Sale(
        items_minor=order.items_minor,
        total_minor=order.total_minor,
        shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor,
        points_minor=points_minor,
        goods=of_lines(lines),
    )


def sale_of_data(order: OrderData, *, points_minor: int = 0) -> Sale:
    """Return an order as the shop says it. ``points_minor``: what points paid of it."""
    return Sale(
        items_minor=to_minor(order.items, order.currency),
        total_minor=to_minor(order.total, order.currency),
        shipping_minor=to_minor(order.shipping, order.currency),
        tax_minor=None if order.tax is None else to_minor(order.tax, order.currency),
        points_minor=points_minor,
        goods=of_data(order.lines, order.currency),
    )


def basis(sale: Sale, *, kind: str, spent_counts: bool) -> int:
    """Return the amount that earns. ``spent_counts``: what points paid for is in it."""
    items = max(sale.items_minor, 0)
    spent = max(sale.points_minor, 0) if spent_counts else 0
    if kind != Basis.NET:
        return items + spent
    net = max(0, items - _tax(sale))
    return net + (net * spent // items if items else spent)


def _tax(sale: Sale) -> int:
    """Return the tax in the goods; by the share of the order's where the lines do not know theirs."""
    of_goods = [goods.tax_minor for goods in sale.goods]
    if of_goods and None not in of_goods:
        return sum(tax for tax in of_goods if tax)
    if not sale.tax_minor or sale.total_minor <= 0:
        return 0
    return sale.tax_minor * sale.items_minor // sale.total_minor


def weights(goods: Sequence[Goods], *, kind: str) -> list[int]:
    """Return each line's share of the basis: what is paid for it; where nothing is, what it costs by the list."""
    net = kind == Basis.NET and all(one.tax_minor is not None for one in goods)
    paid = [max(0, one.minor - (one.tax_minor or 0 if net else 0)) for one in goods]
    return paid if any(paid) else [max(0, one.listed_minor) for one in goods]


def parts(goods: Sequence[Goods], *, kind: str) -> tuple[Part, ...]:
    """Return lines that earn by the rate alone."""
    return tuple(
        Part(line=one.line, paid=max(0, one.minor), basis=weight)
        for one, weight in zip(goods, weights(goods, kind=kind), strict=True)
    )
