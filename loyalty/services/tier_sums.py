"""What counts for a tier, as SQL: one row for each thing that counts, whose it is, how much, and when."""

from __future__ import annotations

from django.db import connection

from loyalty.models import Absence, Account, OrderAward
from loyalty.models.tier import Metric
from retention.models import Order

SPEND = """
    SELECT id, customer_id,
           CASE WHEN total_minor > refunded_minor THEN total_minor - refunded_minor ELSE 0 END AS amount,
           placed_at AS counted_at
    FROM {order}
    WHERE currency = %(currency)s AND paid_at IS NOT NULL AND cancelled_at IS NULL AND {some} AND {there}
"""

ORDERS = """
    SELECT id, customer_id, 1 AS amount, placed_at AS counted_at
    FROM {order}
    WHERE paid_at IS NOT NULL AND cancelled_at IS NULL AND (total_minor = 0 OR refunded_minor < total_minor) AND {some}
      AND {there}
"""

# What was earned and has opened, less what refunds took back; spending, ending and giving move other rows. By the time
# of opening: an order of December whose return window closes in January counts in January, and not in no year at all.
POINTS = """
    SELECT w.id, a.customer_id, w.balance - w.forgiven AS amount, w.opened_at AS counted_at
    FROM {award} w JOIN {account} a ON a.id = w.account_id
    WHERE w.opened_at IS NOT NULL AND {some}
"""

THERE = """
    NOT EXISTS (SELECT 1 FROM {absence} gone WHERE gone.customer_id = {order}.customer_id
                AND gone.left_at <= placed_at AND (gone.returned_at IS NULL OR gone.returned_at > placed_at))
"""
"""Whose it is was in the programme when it was placed. What points count needs no such word: those orders earn none."""

TABLES = {"order": Order, "award": OrderAward, "account": Account, "absence": Absence}


def items(metric: str, *, some: str) -> str:
    """Return the SELECT of a metric. ``some``: a condition on ``customer_id``."""
    quote = connection.ops.quote_name
    names = {name: quote(model._meta.db_table) for name, model in TABLES.items()}
    sql = {Metric.SPEND: SPEND, Metric.ORDERS: ORDERS, Metric.POINTS: POINTS}[Metric(metric)]
    return sql.format(**names, some=some, there=THERE.format(**names))
