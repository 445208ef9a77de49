"""Points spent by two processes, on many accounts and on one, beside django-hordak and one bare UPDATE."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from benchmarks import databases, rounds, table
from loyalty.models import Account, Entry
from loyalty.services import points, verifying
from retention.models import Customer

MANY = 1000
"""Accounts that are spent from in turn."""
TIMES = 300
"""Points spent a process and round, one at a time."""
PROCESSES = 2
OURS, PEER, BARE = "ours", "django-hordak, guarded", "one conditional UPDATE"
LEAST = 4.0
"""How many times as fast as the peer."""
FEW, LONG = 100, 100_000
"""Entries that an account has had before."""
GROWTH = 1.5
AT = datetime(2026, 3, 1, tzinfo=UTC)
HISTORY = """
INSERT INTO retention_loyalty_entry (account_id, key, kind, bucket, points, balance_after, "order", currency, source,
    breakdown, at)
SELECT %s, 'past:' || n, 'grant', 'balance', 1, %s + n, '', '', '', '{}', now() FROM generate_series(1, %s) n
"""


class Worker:
    """A process that spends when it is told to."""

    def __init__(self, kind: str, number: int, url: str) -> None:
        environment = {**os.environ, "DATABASE_URL": url}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.spending.worker", kind, str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self.ask("ready") == "ready"

    def ask(self, words: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    url = os.environ["DATABASE_URL"]
    people = _members()
    hot, rich = people[0], people[1]
    connection.close()
    # a copy: what only the balance says is no ledger
    bare = databases.copy(url, "spending_bare", of=urlsplit(url).path.strip("/"))
    kinds = {OURS: ("ours", url), BARE: ("bare", bare)}
    if find_spec("hordak"):
        kinds[PEER] = ("peer", databases.copy(url, "spending_peer", of="template0"))
    else:
        print("django-hordak is not installed: pip install -r requirements-bench.txt")
    workers = {name: _workers(kind, where) for name, (kind, where) in kinds.items()}
    try:
        found: dict[str, list[dict[str, float]]] = {"many": [], "hot": []}
        for _ in range(rounds.ROUNDS):
            for where, among in (("many", f"{people[0]} {people[-1]}"), ("hot", f"{hot} {hot}")):
                found[where].append({name: _rate(of, f"spend {TIMES} {among}") for name, of in workers.items()})
        short = [_rate(workers[OURS], f"spend {TIMES} {rich} {rich}") for _ in range(rounds.ROUNDS)]
        _give_history(rich)
        long = [_rate(workers[OURS], f"spend {TIMES} {rich} {rich}") for _ in range(rounds.ROUNDS)]
        wrong = _overdraw(workers[OURS])
    finally:
        for of in workers.values():
            for worker in of:
                worker.end()
    table.show(
        f"Points spent a second by {PROCESSES} processes: the median of all",
        ["", f"{MANY:,} accounts", "one hot account"],
        [[name, *(f"{median(one[name] for one in found[w]):,.0f}" for w in ("many", "hot"))] for name in kinds],
    )
    if PEER in kinds:
        ratios = [rounds.ratio(found[where], OURS, PEER) for where in ("many", "hot")]
        held = "held" if min(ratios) >= LEAST else "NOT held, at this load"
        print(f"\nOurs / hordak: {ratios[0]:.1f} on many, {ratios[1]:.1f} on one. At least {LEAST:.0f}: {held}.")
    growth = median(short) / median(long)
    flat = "held" if growth <= GROWTH else "NOT held, at this load"
    print(f"An account of {LONG:,} entries beside one of {FEW:,}: {growth:.2f} times the time. Flat: {flat}.")
    return wrong + [str(difference) for difference in verifying.differences() if difference.column == "balance"]


def _members() -> list[int]:
    made = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{n}@bench.example", created_at=AT) for n in range(MANY)
    )
    points.grant([(f"bench:{one.pk}", one.pk, "") for one in made], points=10**6, source="bench", at=AT)
    return [one.pk for one in made]


def _workers(kind: str, url: str) -> list[Worker]:
    return [Worker(kind, number, url) for number in range(PROCESSES)]


def _at_once(workers: list[Worker], words: str) -> list[str]:
    """Let all of them do the same at the same time. Returns what each answers."""
    answers: list[Any] = [None] * len(workers)

    def asking(number: int) -> Callable[[], None]:
        def ask() -> None:
            answers[number] = workers[number].ask(words)

        return ask

    threads = [threading.Thread(target=asking(number)) for number in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _rate(workers: list[Worker], words: str) -> float:
    seconds = [float(answer.split()[0]) for answer in _at_once(workers, words)]
    return len(workers) * TIMES / max(seconds)


def _give_history(customer: int) -> None:
    account = Account.objects.get(customer=customer)
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, [account.pk, account.balance, LONG])
        cursor.execute("UPDATE retention_loyalty_account SET balance = balance + %s WHERE id = %s", [LONG, account.pk])
        cursor.execute("ANALYZE retention_loyalty_entry")


def _overdraw(workers: list[Worker]) -> list[str]:
    """Let both want more than there is; return what is wrong."""
    [poor] = Customer.objects.bulk_create([Customer(kind="member", address="poor@bench.example", created_at=AT)])
    points.grant([("bench:poor", poor.pk, "")], points=100, source="bench", at=AT)
    done = sum(int(answer.split()[1]) for answer in _at_once(workers, f"spend 200 {poor.pk} {poor.pk}"))
    left = Account.objects.get(customer=poor).balance
    spent = Entry.objects.filter(account__customer=poor, kind="spend").count()
    print(f"\nOf 400 who want one of 100 points, {done} get one; {left} are left.")
    return [] if (done, left, spent) == (100, 0, 100) else [f"{done} points spent of 100, {left} left, {spent} entries"]
