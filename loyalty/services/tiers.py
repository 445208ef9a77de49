"""Who stands in which tier: computed in SQL for all customers or for some, writing only rows that change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from loyalty import queries
from loyalty.facts import TierChanged
from loyalty.models import Membership, Tier, TierMove, TierTable
from retention.locks import one_at_a_time
from retention.models import Customer, Order
from retention.services import facts

DAY = timedelta(days=1)

FIT = """
WITH spend AS (
    SELECT customer_id,
           SUM(CASE WHEN total_minor > refunded_minor THEN total_minor - refunded_minor ELSE 0 END) AS minor
    FROM {order}
    WHERE currency = %(currency)s AND paid_at IS NOT NULL AND cancelled_at IS NULL AND placed_at >= %(since)s
      AND {some_order}
    GROUP BY customer_id
), known AS (
    SELECT c.id AS customer_id, COALESCE(s.minor, 0) AS minor,
           m.id AS membership_id, m.tier_id AS last_tier_id, m.qualified_minor AS last_minor, m.since AS last_since
    FROM {customer} c
    LEFT JOIN spend s ON s.customer_id = c.id
    LEFT JOIN {membership} m ON m.customer_id = c.id
    WHERE c.kind <> 'guest' AND c.absorbed_into_id IS NULL AND {some_customer}
), fit AS (
    SELECT known.*, (
        SELECT t.id FROM {tier} t WHERE t.table_id = %(table)s AND t.threshold_minor <= known.minor
        ORDER BY t.threshold_minor DESC LIMIT 1
    ) AS tier_id
    FROM known
)
"""
"""What every member has spent within the window and the highest tier that it reaches; guests have none."""

WRITE = """
INSERT INTO {membership} (customer_id, tier_id, last_tier_id, qualified_minor, since)
SELECT customer_id, tier_id, last_tier_id, minor,
       CASE WHEN COALESCE(tier_id, 0) = COALESCE(last_tier_id, 0) THEN COALESCE(last_since, %(at)s) ELSE %(at)s END
FROM fit
WHERE (membership_id IS NULL AND tier_id IS NOT NULL)
   OR (membership_id IS NOT NULL AND (COALESCE(tier_id, 0) <> COALESCE(last_tier_id, 0) OR minor <> last_minor))
ON CONFLICT (customer_id) DO UPDATE SET
    tier_id = excluded.tier_id, last_tier_id = excluded.last_tier_id,
    qualified_minor = excluded.qualified_minor, since = excluded.since
RETURNING customer_id, tier_id, last_tier_id, qualified_minor
"""

COUNT = "SELECT tier_id, COUNT(*) FROM fit GROUP BY tier_id"


def active() -> TierTable | None:
    """Return the table that is in force, None without one."""
    return TierTable.objects.filter(active=True).first()


def recompute(*, at: datetime, customers: Collection[int] | None = None) -> int:
    """Bring memberships to what customers have spent. ``customers``: only these; None: all.

    One at a time. Only rows that change are written, in one statement; moves become facts. Returns how many
    rows were written.
    """
    if customers is not None and not customers:
        return 0
    with one_at_a_time("loyalty.tiers", wait=True):
        table = active()
        if table is None:
            return 0
        at_least = max(at, table.computed_at or at)  # an old fact that is retried moves nobody back
        with connection.cursor() as cursor:
            cursor.execute(*_statement(WRITE, table, at=at_least, customers=customers))
            rows = cursor.fetchall()
        _note_moves(rows, table, at=at_least)
        if customers is None:
            TierTable.objects.filter(pk=table.pk).update(computed_at=at_least, stale=False)
    return len(rows)


def refresh(*, at: datetime) -> int:
    """Compute everybody where it is a day ago or the table has changed. Returns how many rows were written."""
    table = active()
    if table is None or not (table.stale or table.computed_at is None or table.computed_at <= at - DAY):
        return 0
    return recompute(at=at)


def count_fit(table: TierTable, *, at: datetime) -> dict[int | None, int]:
    """Return tier id (None: below the first) → how many members would stand in it today. Writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(*_statement(COUNT, table, at=at, customers=None))
        return dict(cursor.fetchall())


def _statement(
    sql: str, table: TierTable, *, at: datetime, customers: Collection[int] | None
) -> tuple[str, dict[str, Any]]:
    quote = connection.ops.quote_name
    names = {
        "order": quote(Order._meta.db_table),
        "customer": quote(Customer._meta.db_table),
        "membership": quote(Membership._meta.db_table),
        "tier": quote(Tier._meta.db_table),
        "some_order": "1 = 1",
        "some_customer": "1 = 1",
    }
    if customers is not None:
        wanted = ", ".join(str(int(customer)) for customer in sorted(set(customers)))
        names |= {"some_order": f"customer_id IN ({wanted})", "some_customer": f"c.id IN ({wanted})"}
    adapt = connection.ops.adapt_datetimefield_value
    values = {
        "currency": table.currency,
        "table": table.pk,
        "since": adapt(at - timedelta(days=table.window_days)),
        "at": adapt(at),
    }
    return (FIT + sql).format(**names), values


def _note_moves(rows: Collection[tuple[int, int | None, int | None, int]], table: TierTable, *, at: datetime) -> None:
    """Write down who changed tier, and tell."""
    moves = [row for row in rows if row[1] != row[2]]
    if not moves:
        return
    names = dict(Tier.objects.filter(pk__in={pk for move in moves for pk in move[1:3] if pk}).values_list("pk", "name"))
    TierMove.objects.bulk_create(
        [
            TierMove(
                customer_id=customer,
                old_name=names[old] if old else "",
                new_name=names[new] if new else "",
                qualified_minor=minor,
                currency=table.currency,
                at=at,
            )
            for customer, new, old, minor in moves
        ],
        batch_size=1000,
    )
    first = table.computed_at is None
    facts.publish(
        TierChanged(customer=customer, at=at, tier=new, old_tier=old, history=first) for customer, new, old, _ in moves
    )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one customer stands, for the page that shows it. Amounts in minor units of ``currency``."""

    tier: Tier | None
    since: datetime | None
    qualified_minor: int
    currency: str
    window_days: int
    next_tier: Tier | None
    missing_minor: int

    @property
    def percent(self) -> int:
        """How far the next tier is reached; 100 at the top."""
        if self.next_tier is None or self.next_tier.threshold_minor == 0:
            return 100
        return min(99, self.qualified_minor * 100 // self.next_tier.threshold_minor)


def standing(customer: Customer, *, at: datetime) -> Standing | None:
    """Return where a customer stands and what is missing to the next tier, None without a table in force."""
    table = active()
    if table is None:
        return None
    held = queries.membership(customer)
    qualified = queries.spend(customer, table, at=at)
    reached = max(qualified, held.tier.threshold_minor if held and held.tier else 0)
    above = next((tier for tier in queries.ladder(table) if tier.threshold_minor > reached), None)
    return Standing(
        tier=held.tier if held else None,
        since=held.since if held else None,
        qualified_minor=qualified,
        currency=table.currency,
        window_days=table.window_days,
        next_tier=above,
        missing_minor=above.threshold_minor - qualified if above else 0,
    )
