"""The same without us: over the ORM in Python, and as one bare statement. Neither knows terms or tells anybody."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Sum
from django.db.models.functions import Greatest

from loyalty.models import Membership, Tier, TierTable
from retention.models import Order

BATCH = 1000


def by_orm(table: TierTable, *, at: datetime) -> int:
    """Read what counts, compare in Python, write what differs by ``bulk_update``."""
    since = at - timedelta(days=table.window_days)
    orders = Order.objects.filter(
        currency=table.currency, paid_at__isnull=False, cancelled_at=None, placed_at__gte=since
    )
    spent = dict(
        orders.order_by()
        .values_list("customer")
        .annotate(minor=Sum(Greatest(F("total_minor") - F("refunded_minor"), 0)))
    )
    ladder = list(table.tiers.order_by("-threshold_minor"))
    changed = []
    for row in Membership.objects.iterator(chunk_size=10_000):
        minor = spent.get(row.customer_id, 0)
        tier = next((tier for tier in ladder if tier.threshold_minor <= minor), None)
        if row.qualified_minor != minor or row.tier_id != (tier.pk if tier else None):
            row.last_tier_id, row.tier, row.qualified_minor = row.tier_id, tier, minor
            changed.append(row)
    with transaction.atomic():
        Membership.objects.bulk_update(changed, ["tier", "last_tier", "qualified_minor"], batch_size=BATCH)
    return len(changed)


def by_sql(table: TierTable, *, at: datetime) -> int:
    """The limit: one UPDATE FROM."""
    tier, order, membership = (model._meta.db_table for model in (Tier, Order, Membership))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {membership} m SET tier_id = w.tier_id, last_tier_id = m.tier_id, qualified_minor = w.minor
            FROM (
                SELECT s.*, (SELECT t.id FROM {tier} t WHERE t.table_id = %(table)s AND t.threshold_minor <= s.minor
                             ORDER BY t.threshold_minor DESC LIMIT 1) AS tier_id
                FROM (
                    SELECT c.customer_id, COALESCE(SUM(GREATEST(o.total_minor - o.refunded_minor, 0)), 0) AS minor
                    FROM {membership} c
                    LEFT JOIN {order} o ON o.customer_id = c.customer_id AND o.currency = %(currency)s
                        AND o.paid_at IS NOT NULL AND o.cancelled_at IS NULL AND o.placed_at >= %(since)s
                    GROUP BY c.customer_id
                ) s
            ) w
            WHERE m.customer_id = w.customer_id
              AND (m.qualified_minor <> w.minor OR m.tier_id IS DISTINCT FROM w.tier_id)
            """,
            {"table": table.pk, "currency": table.currency, "since": at - timedelta(days=table.window_days)},
        )
        return int(cursor.rowcount)
