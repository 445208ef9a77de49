"""What is bought together: the best few companions of each product, computed from the shop's own orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from retention.models import Companion, Customer, Order, OrderLine
from retention.rows import batch_size

LEAST = 2
"""Orders that two products must share; in one alone it is chance."""
BEST = 4
"""Companions that are kept of each product."""
GOODS_LIMIT = 50
"""Orders with more different goods say little about any two of them, and their pairs grow with the square."""
YEARS = timedelta(days=2 * 365)
"""Older orders are not looked at."""

# SQLite sorts text by its bytes, PostgreSQL by the rules of a language: told to do the same, they pick the same.
PAIRS = """
WITH items AS MATERIALIZED (
    SELECT DISTINCT line.order_id, line.product FROM {line} line JOIN {order} o ON o.id = line.order_id
    WHERE line.product <> '' AND o.placed_at >= %s AND o.cancelled_at IS NULL
        AND (o.total_minor = 0 OR o.refunded_minor < o.total_minor)
), fit AS MATERIALIZED (
    SELECT order_id FROM items GROUP BY order_id HAVING COUNT(*) BETWEEN 2 AND {goods}
), pairs AS (
    SELECT a.product AS product, b.product AS other, COUNT(*) AS orders
    FROM fit JOIN items a ON a.order_id = fit.order_id
    JOIN items b ON b.order_id = fit.order_id AND b.product <> a.product
    GROUP BY a.product, b.product HAVING COUNT(*) >= {least}
), ranked AS (
    SELECT product, other, orders, ROW_NUMBER() OVER (
        PARTITION BY product ORDER BY orders DESC, other{bytes}
    ) AS place FROM pairs
)
SELECT product, other, orders, place FROM ranked WHERE place <= {best}
"""


def compute(*, at: datetime) -> int:
    """Look at the orders of two years and write down what changed. Returns how many rows were written or deleted.

    Cancelled and fully refunded orders do not count. Reading is one query; writing is in small transactions.
    """
    found = {(product, other): (orders, place) for product, other, orders, place in _read(since=at - YEARS)}
    written = 0
    known = {
        (row.product, row.other): row for row in Companion.objects.only("pk", "product", "other", "orders", "rank")
    }
    gone = [row.pk for pair, row in known.items() if pair not in found]
    changed, new = [], []
    for (product, other), (orders, place) in found.items():
        row = known.get((product, other))
        if row is None:
            new.append(Companion(product=product, other=other, orders=orders, rank=place))
        elif (row.orders, row.rank) != (orders, place):
            row.orders, row.rank = orders, place
            changed.append(row)
    size = batch_size(1000)
    for start in range(0, len(gone), size):
        written += Companion.objects.filter(pk__in=gone[start : start + size]).delete()[0]
    for start in range(0, len(changed), size):
        with transaction.atomic():
            written += Companion.objects.bulk_update(changed[start : start + size], ["orders", "rank"])
    for start in range(0, len(new), size):
        with transaction.atomic():
            written += len(Companion.objects.bulk_create(new[start : start + size], ignore_conflicts=True))
    return written


def _read(*, since: datetime) -> list[tuple[str, str, int, int]]:
    quote = connection.ops.quote_name
    sql = PAIRS.format(
        line=quote(OrderLine._meta.db_table), order=quote(Order._meta.db_table), goods=GOODS_LIMIT, least=LEAST,
        best=BEST, bytes=' COLLATE "C"' if connection.vendor == "postgresql" else "",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datetimefield_value(since)])
        return [(product, other, orders, place) for product, other, orders, place in cursor.fetchall()]


def of_customers(customers: Iterable[int], *, limit: int) -> Mapping[int, Sequence[str]]:
    """Return customer id → references of goods often bought with theirs, the most often first; three queries.

    What somebody has bought, or somebody else with the same address, is left out. A customer without companions is
    left out.
    """
    bought = _bought(set(customers))
    asked = {product for products in bought.values() for product in products}
    rows: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for product, other, orders in Companion.objects.filter(product__in=asked).values_list("product", "other", "orders"):
        rows[product].append((other, orders))
    found = {}
    for customer, products in bought.items():
        together: dict[str, int] = defaultdict(int)
        for product in products:
            for other, orders in rows[product]:
                if other not in products:
                    together[other] += orders
        if together:
            found[customer] = sorted(together, key=lambda other: (-together[other], other))[:limit]
    return found


def _bought(customers: set[int]) -> dict[int, set[str]]:
    """Return customer id → what they have bought, under any row of their address."""
    rows = Customer.objects.filter(pk__in=customers).values_list("pk", "address")
    by_row: dict[int, set[int]] = defaultdict(set)
    by_address: dict[str, set[int]] = defaultdict(set)
    for pk, address in rows:
        by_row[pk].add(pk)
        if address:
            by_address[address].add(pk)
    theirs = Q(order__customer__in=customers) | Q(order__customer__address__in=by_address.keys())
    lines = OrderLine.objects.filter(theirs, order__in=Order.objects.counted()).exclude(product="")
    bought: dict[int, set[str]] = defaultdict(set)
    for row, address, product in lines.values_list("order__customer", "order__customer__address", "product").distinct():
        for customer in by_row.get(row, set()) | by_address.get(address, set()):
            bought[customer].add(product)
    return bought
