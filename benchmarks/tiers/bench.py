"""Everybody's tier after a week: ours, Python over the ORM, one UPDATE; and more customers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from math import log
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import rounds, seeding, table
from benchmarks.tiers import crowd, peers
from loyalty.models import Membership, Tier, TierMove, TierTable
from loyalty.services import tier_trials, tiers
from loyalty.services.tier_rules import Rules
from retention.models import Fact, Job

FEW = 100_000
MANY = int(os.environ.get("BENCH_TIERS_MANY", "300000"))
"""A million, too, where there is time for it: about ten minutes."""
OURS, ORM, SQL = "ours, with moves and facts", "Python and bulk_update", "one UPDATE FROM"
NOTHING, TRIAL = "ours, nothing to write", "a dry run of another table"
TIMES_LIMIT, EXPONENT = 2, 1.1
LADDER = (("Member", 0), ("Bronze", 10_000), ("Silver", 30_000), ("Gold", 60_000))
WEEK = timedelta(days=7)


def main() -> list[str]:
    """Print times and ratios. Returns what is wrong."""
    at = timezone.now()
    made = TierTable.objects.create(name="Bench", active=True, currency="EUR")
    Tier.objects.bulk_create(
        Tier(table=made, rank=rank, name=name, threshold_minor=minor) for rank, (name, minor) in enumerate(LADDER, 1)
    )
    crowd.make(first=1, last=FEW, at=at)
    few = _Size(made, at=at)
    measured = few.measure([OURS, ORM, SQL, NOTHING, TRIAL])
    crowd.make(first=FEW + 1, last=MANY, at=at)
    many = _Size(made, at=at)
    grown = many.measure([OURS, SQL])
    table.show(
        f"Tiers of {FEW:,} customers after a week, {few.changed:,} rows to write",
        ["", "seconds", "rows a second"],
        [
            [name, f"{median(one[name] for one in measured):.2f}", _rate(name, few.changed, measured)]
            for name in measured[0]
        ],
    )
    limit, peer = rounds.ratio(measured, OURS, SQL), rounds.ratio(measured, ORM, OURS)
    growth, of_limit = (
        log(median(one[name] for one in grown) / median(one[name] for one in measured)) / log(MANY / FEW)
        for name in (OURS, SQL)
    )
    verdict = "held" if limit <= TIMES_LIMIT and growth <= EXPONENT else "NOT held, on this machine and at this load"
    print(f"\nOurs / one UPDATE {limit:.2f}, Python / ours {peer:.1f}; {MANY:,} customers: exponent {growth:.2f}.")
    print(f"The UPDATE's own exponent {of_limit:.2f}. Load at the end {os.getloadavg()[0]:.1f}.")
    print(f"At most {TIMES_LIMIT} times the UPDATE and an exponent of {EXPONENT}: {verdict}.")
    wrong = []
    if few.queries != many.queries:
        wrong.append(f"{MANY:,} customers take more queries than {FEW:,}: {many.queries} and {few.queries}")
    if len(few.results) > 1:
        wrong.append("the ways do not come to the same tiers")
    return wrong


def _rate(name: str, changed: int, measured: list[dict[str, float]]) -> str:
    return f"{changed / median(one[name] for one in measured):,.0f}" if name in (OURS, ORM, SQL) else ""


class _Size:
    """So many customers, where everybody stands a week ago."""

    def __init__(self, made: TierTable, *, at: datetime) -> None:
        self.table, self.at = made, at
        self.results: set[str] = set()
        TierTable.objects.filter(pk=made.pk).update(computed_at=None)
        tiers.recompute(at=at - WEEK)
        TierTable.objects.filter(pk=made.pk).update(computed_at=at - WEEK)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS before; CREATE TABLE before AS TABLE {Membership._meta.db_table}")
        self._reset()
        with CaptureQueriesContext(connection) as asked:
            self.changed = tiers.recompute(at=at)
        # facts and moves go in by so many rows a statement
        self.queries = len([query for query in asked if not query["sql"].startswith(("INSERT", "COPY"))])

    def measure(self, names: list[str]) -> list[dict[str, float]]:
        ways: dict[str, Callable[[], object]] = {
            OURS: lambda: tiers.recompute(at=self.at),
            ORM: lambda: peers.by_orm(self.table, at=self.at),
            SQL: lambda: peers.by_sql(self.table, at=self.at),
            NOTHING: lambda: tiers.recompute(at=self.at - WEEK),
            TRIAL: self._try,
        }
        found = []
        for turn in range(rounds.ROUNDS):
            times = {}
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                self._reset()
                started = time.perf_counter()
                ways[name]()
                times[name] = time.perf_counter() - started
                if name in (OURS, ORM, SQL):
                    self.results.add(self._fingerprint())
            found.append({name: times[name] for name in names})
        return found

    def _try(self) -> None:
        rules = Rules.from_json({**Rules.of(self.table).to_json(), "window_days": 180})
        tier_trials.start(rules, name="Bench", table=self.table, form=[], by="", at=self.at)
        while Job.objects.filter(kind=tier_trials.KIND, state=Job.State.RUNNING).exists():
            tier_trials.carry_on(at=self.at)

    def _reset(self) -> None:
        """Put everybody where they stood a week ago."""
        membership = Membership._meta.db_table
        with seeding.unchecked() as cursor:
            cursor.execute(f"TRUNCATE {membership}, {TierMove._meta.db_table}, {Fact._meta.db_table} CASCADE")
            cursor.execute(f"INSERT INTO {membership} SELECT * FROM before")
            cursor.execute(f"VACUUM ANALYZE {membership}")
        TierTable.objects.filter(pk=self.table.pk).update(computed_at=self.at - WEEK)

    def _fingerprint(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT md5(string_agg(customer_id || ' ' || COALESCE(tier_id, 0) || ' ' || qualified_minor, ',' "
                f"ORDER BY customer_id)) FROM {Membership._meta.db_table}"
            )
            return str(cursor.fetchone()[0])
