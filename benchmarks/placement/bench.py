"""Oscar's real checkout with a broker that answers, refuses and hangs; what is added is all that differs."""

from __future__ import annotations

from statistics import median

from django.db import connection
from django.test.utils import setup_test_environment

from benchmarks import rounds, table
from benchmarks.placement import queries
from benchmarks.placement.additions import Addition, run
from benchmarks.placement.publishing import CAREFUL, Publisher
from retention.contrib.oscar import receivers
from tests.faults.brokers import broker, refused
from tests.faults.buyers import Buyers
from tests.oscar.world import OscarWorld

BARE, OURS, DELAY, TUNED = "one bare INSERT", "ours: a row in the inbox", "inline delay()", "inline delay(), tuned"
PATIENCE = 2.0
"""Seconds after which a publisher that hangs is given up, so that this ends today."""
WANTED = 1.0
"""Milliseconds that we hold ourselves to."""
BARE_SQL = "INSERT INTO bench_bare (reference) VALUES (%s)"

States = dict[str, list[Addition]]


def main() -> list[str]:
    """Print queries and times. Returns what is wrong."""
    setup_test_environment()
    buyers = Buyers(OscarWorld())
    for _ in range(5):
        buyers.buy(buyers.one())  # what is cached once a process is no part of it
    wrong = count(buyers)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, reference text NOT NULL)")
    with broker() as server:
        states: States = {
            "up": additions(server.url, delays=8, tuned=8),
            "refused": additions(refused(), delays=2, tuned=5),
            "stopped": additions(server.url, delays=1, tuned=2),
        }
        for number in range(rounds.ROUNDS):
            for state, them in states.items():
                if state == "stopped":
                    server.stop()
                run(them[number % len(them) :] + them[: number % len(them)], buyers)  # nobody is always the first
                server.go_on()
    _print(states)
    for state, them in states.items():
        [ours] = [one for one in them if one.name == OURS]
        if ours.sockets or ours.raised or ours.gave_up:
            wrong.append(f"ours opened {ours.sockets} sockets and raised {ours.raised} times, broker {state}")
    return wrong


def count(buyers: Buyers) -> list[str]:
    """Print how many statements an order costs. Returns what is not as it should be."""
    found = queries.measure(buyers)
    table.show(
        "Statements added to placing an order",
        ["", "SELECT", "INSERT", "UPDATE", "BEGIN, SAVEPOINT", "COMMIT, RELEASE"],
        [
            [
                name,
                *(
                    str(sum(many for kind, many in cost.items() if kind.startswith(verbs)))
                    for verbs in ("SELECT", "INSERT", "UPDATE", ("BEGIN", "SAVEPOINT"), ("COMMIT", "RELEASE"))
                ),
            ]
            for name, cost in found.items()
        ],
    )
    return [f"{name} costs {dict(cost)}" for name, cost in found.items() if cost != queries.EXPECTED[name]]


def additions(url: str, *, delays: int, tuned: int) -> list[Addition]:
    """Return what is measured in one state of the broker; the numbers are orders a round."""
    plain = Publisher(url, patience=PATIENCE)
    careful = Publisher(url, patience=PATIENCE, **CAREFUL)
    return [
        Addition(name=BARE, do=insert_bare, times=8),
        Addition(name=OURS, do=lambda order: receivers.on_placed(order=order), times=8),
        Addition(name=DELAY, do=lambda order: plain.publish(), times=delays),
        Addition(name=TUNED, do=lambda order: careful.publish(), times=tuned),
    ]


def insert_bare(order: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(BARE_SQL, ["1"])


def _print(states: States) -> None:
    table.show(
        "Added to placing an order in Oscar, in ms: the median of all orders (the slowest)",
        ["", *(f"broker {state}" for state in states)],
        [
            [name, *(_cell(next(one for one in them if one.name == name)) for them in states.values())]
            for name in (BARE, OURS, DELAY, TUNED)
        ],
    )
    table.show(
        "Ratios: the median of the rounds' own",
        ["", *(f"broker {state}" for state in states)],
        [
            [f"{first} / {second}", *(f"{_ratio(them, first, second):,.1f}" for them in states.values())]
            for first, second in ((OURS, BARE), (DELAY, OURS), (TUNED, OURS))
        ],
    )
    ours = [_milliseconds(one) for them in states.values() for one in them if one.name == OURS]
    verdict = "held" if max(ours) <= WANTED else "NOT held, on this machine and at this load"
    print(f"\nOurs at most {WANTED:g} ms whatever the broker does: {verdict}.")
    print(f"tuned: socket timeouts of 0.3 s, no second try. *: raises. >: given up after {PATIENCE:g} s.")


def _cell(one: Addition) -> str:
    worst = max(second for these in one.rounds for second in these) * 1000
    mark = ">" if one.gave_up else ""
    return f"{mark}{_milliseconds(one):,.2f} ({worst:,.1f}){'*' if one.raised else ' '}"


def _milliseconds(one: Addition) -> float:
    return median(second for these in one.rounds for second in these) * 1000


def _ratio(them: list[Addition], first: str, second: str) -> float:
    by_name = {one.name: one.rounds for one in them}
    return rounds.ratio(
        [
            {first: median(by_name[first][number]), second: median(by_name[second][number])}
            for number in range(rounds.ROUNDS)
        ],
        first,
        second,
    )
