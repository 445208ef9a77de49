"""Points of 100,000 members that end at once: entries a second, ours, by the ORM, by one statement."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from django.db import connection
from django.utils import timezone

from benchmarks import rounds, table
from benchmarks.expiring import crowd, peers
from loyalty.services import expiry

MANY, FEW = 100_000, 20_000
OURS, ORM, SQL = "ours: locks, lots and facts", "the ORM: update and bulk_create", "one statement"
TIMES_ORM = 3


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to end points of so many of the members."""

    count: int
    work: Callable[[], object]


WAYS = {
    OURS: Way(count=MANY, work=lambda: expiry.expire(at=timezone.now(), limit=MANY)),
    ORM: Way(count=FEW, work=lambda: peers.by_orm(most=FEW)),
    SQL: Way(count=MANY, work=peers.by_sql),
}


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    crowd.make(MANY)
    wrong: list[str] = []
    _rate, few = _measure(Way(count=FEW, work=lambda: expiry.expire(at=timezone.now(), limit=FEW)), wrong)
    many = 0
    measured: list[dict[str, float]] = []
    for turn in range(rounds.ROUNDS):
        rates = {}
        for name in [*list(WAYS)[turn % 3 :], *list(WAYS)[: turn % 3]]:
            rates[name], queries = _measure(WAYS[name], wrong)
            if name == OURS:
                many = max(many, queries)
        measured.append(rates)
    table.show(
        f"Points of {MANY:,} members end",
        ["", "entries a second", "ours to it"],
        [
            [name, f"{median(one[name] for one in measured):,.0f}", f"{rounds.ratio(measured, OURS, name):.2f}"]
            for name in WAYS
        ],
    )
    ratio = rounds.ratio(measured, OURS, ORM)
    verdict = "held" if ratio >= TIMES_ORM else "NOT held, on this machine and at this load"
    print(f"\nThe ORM is timed over the first {FEW:,} of them. Load at the end {os.getloadavg()[0]:.1f}.")
    print(f"Ours to the ORM {ratio:.1f}; wanted {TIMES_ORM}: {verdict}.")
    each = {FEW: few / FEW * 1000, MANY: many / MANY * 1000}
    print(f"Queries per 1,000 members: {each[FEW]:.1f} of {FEW:,}, {each[MANY]:.1f} of {MANY:,}.")
    if each[MANY] > each[FEW]:
        wrong.append(f"{MANY:,} members cost more queries each than {FEW:,}: {each}")
    return wrong


def _measure(way: Way, wrong: list[str]) -> tuple[float, int]:
    """Return entries a second, and queries."""
    crowd.put_back()
    queries = 0

    def counted(execute: Callable[..., object], *given: object) -> object:
        nonlocal queries
        queries += 1
        return execute(*given)

    with connection.execute_wrapper(counted):
        started = time.perf_counter()
        way.work()
        took = time.perf_counter() - started
    if reason := crowd.wrong(count=way.count):
        wrong.append(reason)
    return way.count / took, queries
