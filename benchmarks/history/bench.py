"""`manage.py retention_import --from-shop` over a young shop's past and one four times as long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks import databases, table
from benchmarks.rounds import ROUNDS

SIZES = (2_500, 10_000)
WANTED = 500
"""Orders a second that we hold ourselves to."""
SLACK = 1.1
"""Peak memory of the long past to that of the short one: a page or two more is no growth."""


def main() -> list[str]:
    """Print the figures. Returns what is wrong: queries or memory that grow with the past."""
    url = os.environ["DATABASE_URL"]
    for size in SIZES:
        fill(databases.copy(url, f"past_{size}"), size)
    rounds = [{size: measure(url, size) for size in SIZES} for _ in range(ROUNDS)]

    def middle(size: int, what: str) -> float:
        return median(one[size][what] for one in rounds)

    short, long = SIZES
    table.show(
        "Taking in history: manage.py retention_import --from-shop",
        ["orders", "orders a second", "queries per 1,000", "peak memory"],
        [
            [
                f"{size:,}",
                f"{middle(size, 'rate'):,.0f}",
                f"{middle(size, 'queries') / size * 1000:.1f}",
                f"{middle(size, 'megabytes'):.0f} MB",
            ]
            for size in SIZES
        ],
    )
    memory = median(one[long]["megabytes"] / one[short]["megabytes"] for one in rounds)
    speed = median(one[long]["rate"] / one[short]["rate"] for one in rounds)
    verdict = "held" if middle(long, "rate") >= WANTED else "NOT held, on this machine and at this load"
    print(f"\nLong past to short, the median of the rounds' own ratios: speed {speed:.2f}, memory {memory:.2f}.")
    print(f"At least {WANTED} orders a second: {verdict}.")
    wrong = []
    costs = {size: {one[size]["queries"] for one in rounds} for size in SIZES}
    if any(len(cost) > 1 for cost in costs.values()):
        wrong.append(f"the queries differ from round to round: {costs}")
    if max(costs[long]) / long > max(costs[short]) / short:
        wrong.append("the queries of 1,000 orders grow with the past")
    if memory > SLACK:
        wrong.append("the memory grows with the past")
    return wrong


def fill(url: str, size: int) -> None:
    """Write a shop's past into an empty database; the same one each time."""
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(Path(__file__).with_name("shop.sql").read_text(), {"orders": size})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def measure(url: str, size: int) -> dict[str, Any]:
    """Take this past in, in a new process on a copy of its database."""
    fresh = databases.copy(url, "fresh", of=f"past_{size}")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.history.once"],
        env={**os.environ, "DATABASE_URL": fresh},
        stdout=subprocess.PIPE,
        check=True,
    )
    took: dict[str, Any] = json.loads(done.stdout)
    with psycopg.connect(fresh) as connection:
        [taken, mails] = connection.execute(
            "SELECT (SELECT count(*) FROM retention_order), (SELECT count(*) FROM retention_message)"
        ).fetchone() or (0, 0)
    assert (taken, mails) == (size, 0), f"{taken} of {size} orders taken in, {mails} mails"
    return {**took, "rate": size / took["seconds"]}
