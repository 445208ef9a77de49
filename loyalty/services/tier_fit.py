"""Where everybody stands by a table's rules, as one SQL statement for all customers or for some."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from loyalty.models import Account, Membership
from loyalty.models.tier import Down, Term
from loyalty.services import tier_sums, tier_times
from loyalty.services.tier_rules import Rules, Rung
from retention.models import Customer

FIT = """
WITH items AS ({items}), sums AS (
    SELECT customer_id,
           SUM(CASE WHEN counted_at >= %(since)s THEN amount ELSE 0 END) AS minor,
           SUM(CASE WHEN counted_at >= %(since)s THEN 0 ELSE amount END) AS prior
    FROM items
    WHERE counted_at >= %(since_judged)s
    GROUP BY customer_id
), known AS (
    SELECT c.id AS customer_id,
           COALESCE(s.minor, 0) AS minor,
           CASE WHEN s.prior > s.minor THEN s.prior ELSE COALESCE(s.minor, 0) END AS judged,
           m.id AS membership_id, m.tier_id AS last_tier_id, m.qualified_minor AS last_minor, m.since AS last_since,
           m.held_until AS last_until, {held} AS held
    FROM {customer} c
    LEFT JOIN sums s ON s.customer_id = c.id
    LEFT JOIN {membership} m ON m.customer_id = c.id
    WHERE c.kind <> 'guest' AND c.absorbed_into_id IS NULL AND {some}
      AND NOT EXISTS (SELECT 1 FROM {account} p WHERE p.customer_id = c.id AND p.left_at IS NOT NULL)
), reached AS (
    SELECT known.*, {enters_by_judged} AS enters, {stays_by_judged} AS stays,
           {enters_by_minor} AS enters_now, {stays_by_minor} AS stays_now
    FROM known
), ranked AS (
    SELECT reached.*,
           CASE WHEN enters >= held THEN enters
                WHEN stays >= held THEN held
                WHEN COALESCE(last_until, %(first_term)s) > %(over)s THEN held
                ELSE {down} END AS tier_rank
    FROM reached
), fit AS (
    SELECT ranked.*, {tier} AS tier_id, {until} AS until
    FROM ranked
)
"""
"""What counts of every member, the rung that it reaches, and the one that they stand on.

Guests have none, nor have those who have left the programme."""

UNTIL: dict[str, str] = {
    Term.NONE: """
        CASE WHEN stays >= tier_rank THEN NULL
             WHEN tier_rank = held THEN COALESCE(last_until, %(fallen)s)
             ELSE %(fallen)s END""",
    Term.DAYS: """
        CASE WHEN tier_rank = 0 THEN NULL
             WHEN tier_rank <> held OR last_until IS NULL THEN %(term_end)s
             WHEN last_until <= %(at)s AND stays >= tier_rank THEN %(term_end)s
             ELSE last_until END""",
    Term.YEAR: """
        CASE WHEN tier_rank = 0 THEN NULL
             WHEN tier_rank = held AND last_until >= %(term_end)s THEN last_until
             WHEN tier_rank > held AND enters_now >= tier_rank THEN %(term_end)s
             WHEN tier_rank <= held AND stays_now >= tier_rank THEN %(term_end)s
             WHEN tier_rank <> held THEN %(year_end)s
             ELSE COALESCE(last_until, %(term_end)s) END""",
}
"""Until when the rung is kept, without the grace."""

CHANGED = """
      (membership_id IS NULL AND tier_id IS NOT NULL)
   OR (membership_id IS NOT NULL AND (
          COALESCE(tier_id, 0) <> COALESCE(last_tier_id, 0) OR minor <> last_minor
       OR COALESCE(until, %(ever)s) <> COALESCE(last_until, %(ever)s)))
"""
"""Whose row is other than it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Some:
    """Whom a statement is about: these ids, or everybody with an id above ``after`` and up to ``upto``."""

    ids: Collection[int] | None = None
    after: int | None = None
    upto: int | None = None

    def where(self, column: str) -> str:
        """Return the condition on a column of customer ids."""
        if self.ids is not None:
            return f"{column} IN ({', '.join(str(int(one)) for one in sorted(set(self.ids))) or 'NULL'})"
        parts = [f"{column} > {int(self.after)}"] if self.after is not None else []
        parts += [f"{column} <= {int(self.upto)}"] if self.upto is not None else []
        return " AND ".join(parts) or "1 = 1"


ALL = Some()


def statement(
    sql: str, rules: Rules, *, at: datetime, some: Some = ALL, more: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """Return FIT with ``sql`` behind it, and its values. In ``sql``: ``{membership}``, ``{changed}``, ``fit``, and the
    names in ``more``."""
    quote = connection.ops.quote_name
    rungs = rules.rungs
    enters = [(rung.threshold, rung.rank) for rung in rungs]
    stays = [(rung.keep, rung.rank) for rung in rungs]
    names = {
        "items": tier_sums.items(rules.metric, some=some.where("customer_id")),
        "customer": quote(Customer._meta.db_table),
        "membership": quote(Membership._meta.db_table),
        "account": quote(Account._meta.db_table),
        "some": some.where("c.id"),
        "held": choose("m.tier_id", [(rung.tier, rung.rank) for rung in rungs if rung.tier is not None], "0"),
        "enters_by_judged": _highest("judged", enters),
        "stays_by_judged": _highest("judged", stays),
        "enters_by_minor": _highest("minor", enters),
        "stays_by_minor": _highest("minor", stays),
        "down": "held - 1" if rules.down == Down.STEP else "stays",
        "tier": choose(
            "tier_rank", [(rung.rank, rung.tier) for rung in rungs if rung.tier is not None], "CAST(NULL AS bigint)"
        ),
        "until": UNTIL[rules.term],
        "changed": CHANGED,
        **(more or {}),
    }
    adapt = connection.ops.adapt_datetimefield_value
    times = {
        "at": at,
        "since": tier_times.since(rules, at=at),
        "since_judged": tier_times.since_judged(rules, at=at),
        "first_term": tier_times.term_end(rules, at=at),
        "term_end": tier_times.term_end(rules, at=at),
        "year_end": tier_times.year_start(at, years=1),
        "fallen": tier_times.fallen(rules, at=at),
        "over": tier_times.without_grace(rules, at),
        "ever": tier_times.EVER,
    }
    return (FIT + sql).format(**names), {
        "currency": rules.currency,
        **{name: adapt(value) for name, value in times.items()},
    }


def _highest(column: str, levels: Iterable[tuple[int, int]]) -> str:
    """Return the highest rank whose level the column reaches, 0 for none."""
    arms = [f"WHEN {column} >= {int(level)} THEN {int(rank)}" for level, rank in sorted(levels, key=_by_rank)]
    return f"CASE {' '.join(arms)} ELSE 0 END" if arms else "0"


def _by_rank(pair: tuple[int, int]) -> int:
    return -pair[1]


def named(column: str, rungs: Iterable[Rung]) -> str:
    """Return the name of a rank, empty for none; the names are the values ``name_1``, ``name_2``, …"""
    arms = [f"WHEN {int(rung.rank)} THEN %(name_{int(rung.rank)})s" for rung in rungs]
    return f"CASE {column} {' '.join(arms)} ELSE '' END" if arms else "''"


def choose(column: str, pairs: Iterable[tuple[int, int]], otherwise: str) -> str:
    arms = [f"WHEN {int(key)} THEN {int(value)}" for key, value in pairs]
    return f"CASE {column} {' '.join(arms)} ELSE {otherwise} END" if arms else otherwise
