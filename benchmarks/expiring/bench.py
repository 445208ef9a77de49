"""Points of 100,000 members that end at once: entries a second, ours, by the ORM, by one statement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks import rounds, table
from benchmarks.expiring import crowd, peers
from loyalty.services import expiry

MANY, FEW = 100_000, 20_000
OURS, ORM, SQL = "ours: locks, lots and facts", "the ORM: update and bulk_create", "one statement"
TIMES_ORM = 3


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    crowd.members(MANY)
    wrong: list[str] = []
    ways: Mapping[str, Callable[[], object]] = {
        OURS: lambda: expiry.expire(at=timezone.now(), limit=MANY),
        ORM: peers.by_orm,
        SQL: peers.by_sql,
    }
    queries = {}
    for count in (FEW, MANY):
        crowd.fill(count)
        with CaptureQueriesContext(connection) as asked:
            ways[OURS]()
        queries[count] = len(asked)
    measured: list[dict[str, float]] = []
    for turn in range(rounds.ROUNDS):
        names = [*list(ways)[turn % 3 :], *list(ways)[: turn % 3]]
        measured.append({name: _rate(MANY, ways[name], wrong) for name in names})
    table.show(
        f"Points of {MANY:,} members end",
        ["", "entries a second", "ours to it"],
        [
            [name, f"{median(one[name] for one in measured):,.0f}", f"{rounds.ratio(measured, OURS, name):.2f}"]
            for name in ways
        ],
    )
    ratio = rounds.ratio(measured, OURS, ORM)
    verdict = "held" if ratio >= TIMES_ORM else "NOT held, on this machine and at this load"
    print(f"\nOurs to the ORM {ratio:.1f}; wanted {TIMES_ORM}: {verdict}.")
    each = {count: queries[count] / count * 1000 for count in queries}
    print(f"Queries per 1,000 members: {each[FEW]:.1f} of {FEW:,}, {each[MANY]:.1f} of {MANY:,}.")
    if each[MANY] > each[FEW]:
        wrong.append(f"{MANY:,} members cost more queries each than {FEW:,}: {each}")
    return wrong


def _rate(count: int, work: Callable[[], object], wrong: list[str]) -> float:
    crowd.fill(count)
    started = time.perf_counter()
    work()
    took = time.perf_counter() - started
    if reason := crowd.wrong():
        wrong.append(reason)
    return count / took
