"""Who is about to lose a tier, by when, and what it takes to keep it.

What is said here is true whenever it is done: whoever adds the missing part by the last day named is not moved down
before the notice of the table has passed once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from loyalty.models import Membership, TierTable
from loyalty.models.tier import Term, Window
from loyalty.services import tier_fit, tier_sums, tier_times
from loyalty.services.tier_fit import ALL, Some
from loyalty.services.tier_rules import Rules

FAR = timedelta(days=3660)
SOON = 30
"""Days ahead of which a page says that a tier is about to be lost, at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """One customer's tier that is about to be lost."""

    customer: int
    tier: int
    """Our id of it."""
    until: datetime
    """When it is lost, UTC."""
    missing: int | None
    """What is to be added before that, minor units, orders or points; None: nothing keeps it, the year is over."""
    counts_from: datetime | None = None
    """From when on things will count for it, where that is still to come."""
    loss: datetime
    """Which loss this is: people are told once of each."""

    @property
    def last_day(self) -> date:
        """The last whole day of it, in the shop's zone."""
        return tier_times.last_day(self.until)


def of(customer: int, table: TierTable, rules: Rules, *, at: datetime) -> Keeping | None:
    """Return what one customer needs to keep their tier: where it has a term always, else where it is lost soon."""
    ahead = FAR if rules.term != Term.NONE else timedelta(days=max(table.notice_days, SOON))
    return next(iter(about_to_lose(rules, at=at, ahead=ahead, some=Some(ids=[customer]))), None)


def about_to_lose(
    rules: Rules,
    *,
    at: datetime,
    ahead: timedelta,
    some: Some = ALL,
    untold: bool = False,
    limit: int | None = None,
) -> list[Keeping]:
    """Return who loses a tier within a time from now, by customer id.

    ``untold``: only those who were not told of this loss. The number of queries does not depend on how many there are.
    """
    looking = _Looking(rules=rules, at=at, until=at + ahead, some=some, untold=untold, limit=limit)
    found = _with_an_end(looking)
    if rules.term == Term.NONE and rules.window == Window.ROLLING:
        found += _falling_out(looking)
    if rules.term == Term.NONE and rules.window == Window.CALENDAR:
        found += _at_new_year(looking)
    return sorted(found, key=lambda one: one.customer)[:limit]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Looking:
    rules: Rules
    at: datetime
    until: datetime
    some: Some
    untold: bool
    limit: int | None

    def rungs(self) -> list[tuple[int, int]]:
        """Tiers that can be lost, with what keeps them."""
        return [(rung.tier, rung.keep) for rung in self.rules.rungs if rung.tier is not None and rung.keep > 0]

    def run(self, sql: str, *, of_untold: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement about members who stand in a tier that can be lost."""
        quote = connection.ops.quote_name
        names = {
            "items": tier_sums.items(self.rules.metric, some=self.some.where("customer_id")),
            "membership": quote(Membership._meta.db_table),
            "keep": tier_fit.choose("m.tier_id", self.rungs(), "0"),
            "whom": f"m.tier_id IN ({', '.join(str(tier) for tier, _ in self.rungs())}) "
            f"AND {self.some.where('m.customer_id')}" + (f" AND ({of_untold})" if self.untold else ""),
            "limit": f"LIMIT {int(self.limit)}" if self.limit is not None else "",
            **{name: value for name, value in values.items() if name.endswith("_sql")},
        }
        adapt = connection.ops.adapt_datetimefield_value
        times = {
            "at": self.at,
            "until": self.until,
            "over": tier_times.without_grace(self.rules, self.at),
            "told_before": tier_times.without_grace(self.rules, self.at) - (self.until - self.at),
            **{name: value for name, value in values.items() if not name.endswith("_sql")},
        }
        given = {"currency": self.rules.currency, **{name: adapt(value) for name, value in times.items()}}
        with connection.cursor() as cursor:
            cursor.execute(sql.format(**names), given)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


ENDS = """
SELECT DISTINCT m.held_until FROM {membership} m
WHERE {whom} AND m.held_until > %(over)s AND m.held_until <= %(until)s
"""

ENDING = """
WITH whose AS (
    SELECT m.customer_id, m.tier_id, m.held_until, {keep} AS keep, {since_sql} AS since
    FROM {membership} m
    WHERE {whom} AND m.held_until > %(over)s AND m.held_until <= %(until)s
), items AS ({items})
SELECT w.customer_id, w.tier_id, w.held_until, w.keep - COALESCE(SUM(i.amount), 0) AS missing
FROM whose w LEFT JOIN items i ON i.customer_id = w.customer_id AND i.counted_at >= w.since
GROUP BY w.customer_id, w.tier_id, w.held_until, w.keep
HAVING COALESCE(SUM(i.amount), 0) < w.keep
ORDER BY w.customer_id {limit}
"""

TOLD_OF_A_TERM = "m.warned_for IS NULL OR m.warned_for <> m.held_until"
TOLD_LONG_AGO = "m.warned_for IS NULL OR m.warned_for <= %(told_before)s"
TOLD_BEFORE = "m.warned_for IS NULL OR m.warned_for <= %(at)s"


def _with_an_end(looking: _Looking) -> list[Keeping]:
    """Return those whose term ends, or whose grace runs."""
    rules, at = looking.rules, looking.at
    if not looking.rungs() or (rules.term == Term.NONE and not rules.grace_days):
        return []
    untold = TOLD_LONG_AGO if rules.term == Term.NONE else TOLD_OF_A_TERM
    ends = [_moment(row[0]) for row in looking.run(ENDS, of_untold=untold)]
    if not ends:
        return []
    # terms end with a day, so there are few ends, and each has its own time over which things count then
    deadlines = {end: end if end > at else tier_times.with_grace(rules, end) for end in ends}
    since = {end: _since(rules, deadlines[end]) for end in ends}
    starts = {f"start_{number}": since[end] for number, end in enumerate(ends)}
    keys = {f"end_{number}": end for number, end in enumerate(ends)}
    arms = " ".join(f"WHEN %(end_{number})s THEN %(start_{number})s" for number in range(len(ends)))
    rows = looking.run(ENDING, of_untold=untold, since_sql=f"CASE m.held_until {arms} END", **starts, **keys)
    found = []
    for customer, tier, moment, missing in rows:
        end = _moment(moment)
        until = deadlines[end]
        found.append(
            Keeping(
                customer=customer,
                tier=tier,
                until=until,
                missing=int(missing),
                counts_from=since[end] if since[end] > at else None,
                loss=until if rules.term == Term.NONE else end,
            )
        )
    return found


def _since(rules: Rules, deadline: datetime) -> datetime:
    """Return from when on things will still count when a deadline is looked at, which may be a day late."""
    last = deadline - timedelta(microseconds=1)
    if rules.window == Window.ROLLING:
        return tier_times.since(rules, at=deadline + tier_times.DAY)
    return tier_times.since(rules, at=last)


FALLING = """
WITH items AS ({items}), whose AS (
    SELECT m.customer_id, m.tier_id, {keep} AS keep
    FROM {membership} m
    WHERE {whom} AND m.held_until IS NULL
), counting AS (
    SELECT w.customer_id, w.tier_id, w.keep, i.amount, i.counted_at,
           SUM(i.amount) OVER (PARTITION BY i.customer_id ORDER BY i.counted_at DESC, i.id DESC
                               ROWS UNBOUNDED PRECEDING) AS newest
    FROM whose w JOIN items i ON i.customer_id = w.customer_id
    WHERE i.counted_at >= %(since)s
)
SELECT customer_id, tier_id, keep - SUM(CASE WHEN counted_at >= %(later)s THEN amount ELSE 0 END) AS missing,
       MAX(CASE WHEN newest >= keep THEN counted_at END) AS tips
FROM counting
GROUP BY customer_id, tier_id, keep
HAVING SUM(CASE WHEN counted_at >= %(later)s THEN amount ELSE 0 END) < keep AND MAX(newest) >= keep
ORDER BY customer_id {limit}
"""
"""Whose newest orders reach the tier only with one that leaves the window soon; ``tips`` is when that one was."""


def _falling_out(looking: _Looking) -> list[Keeping]:
    """Return those who keep their tier by orders that leave the window."""
    if not looking.rungs():
        return []
    rules, days = looking.rules, timedelta(days=looking.rules.window_days)
    last = tier_times.with_grace(rules, looking.until) + tier_times.DAY
    rows = looking.run(FALLING, of_untold=TOLD_BEFORE, since=looking.at - days, later=last - days)
    found = []
    for customer, tier, missing, tips in rows:
        falls = _moment(tips) + days
        day = tier_times.day_start(falls)
        # the last whole day on which it still counts, unless that is over; grace, if there is any, begins after it
        until = tier_times.with_grace(rules, day if day > looking.at else falls)
        found.append(Keeping(customer=customer, tier=tier, until=until, missing=int(missing), loss=until))
    return found


NEW_YEAR = (
    "SELECT m.customer_id, m.tier_id FROM {membership} m WHERE {whom} AND m.held_until IS NULL ORDER BY 1 {limit}"
)


def _at_new_year(looking: _Looking) -> list[Keeping]:
    """Return those whose tier ends with the year, whatever they do: the next year counts by itself."""
    new_year = tier_times.year_start(looking.at, years=1)
    if not looking.rungs() or looking.until < new_year:
        return []
    until = tier_times.with_grace(looking.rules, new_year)
    rows = looking.run(NEW_YEAR, of_untold=TOLD_BEFORE)
    return [Keeping(customer=customer, tier=tier, until=until, missing=None, loss=until) for customer, tier in rows]


def _moment(value: Any) -> datetime:
    """Return a point in time as the database gave it: SQLite keeps text."""
    found: datetime = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=tier_times.EVER.tzinfo)
