"""Facts under concurrent writers and readers: none lost, none twice, nobody stalls."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from retention import registry
from retention.facts import AccountOpened
from retention.models import Fact, ParkedFact, Signal, Spend, Subscription
from retention.registry import Recorded, Subscriber
from retention.services import facts
from tests.races.together import all_well, together
from tests.retention.shop import NOON

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 4, 250


class RolledBack(Exception):
    """The writer changes its mind."""


@pytest.fixture(autouse=True)
def ground(wiring: Callable[..., None]) -> None:
    """The ground's own wiring."""


def write(batch: Sequence[Recorded], name: str) -> None:
    Signal.objects.bulk_create(Signal(kind=name, reference=str(fact.data.customer)) for fact in batch)


def subscribe(name: str, *, fails_at: int | None = None, at_commit: bool = False) -> Subscriber:
    """Write down each fact; fail for one, at once or only when its transaction commits."""

    def handle(batch: Sequence[Recorded]) -> None:
        write(batch, name)
        if fails_at in [fact.data.customer for fact in batch]:
            if not at_commit:
                raise ValueError("this one is too much")
            Spend.objects.create(customer_id=999_999_999, currency="EUR")  # the foreign key is deferred

    return registry.subscribe(name, AccountOpened, does="writes down", handle=handle)


def took(name: str) -> Counter[int]:
    return Counter(int(ref) for ref in Signal.objects.filter(kind=name).values_list("reference", flat=True))


def writer(number: int, committed: list[int]) -> Callable[[], None]:
    """Publish facts of one's own numbers, some late to commit, a fifth rolled back."""

    def run() -> None:
        random = Random(number)
        mine = list(range(number * EACH, (number + 1) * EACH))
        while mine:
            some, mine = mine[: (size := random.randint(1, 12))], mine[size:]
            try:
                with transaction.atomic():
                    facts.publish(AccountOpened(customer=one, at=NOON) for one in some)
                    if connection.vendor == "postgresql":
                        time.sleep(random.random() / 50)  # others commit meanwhile
                    if random.random() < 0.2:
                        raise RolledBack
            except RolledBack:
                continue
            committed.extend(some)

    return run


def drainer(over: threading.Event) -> Callable[[], None]:
    def run() -> None:
        while True:
            last = over.is_set()
            facts.number()
            facts.dispatch(at=NOON)
            if last:
                return
            time.sleep(0.005)

    return run


def race() -> list[int]:
    """Four writers and two drains at once; return the numbers whose facts were committed."""
    committed: list[int] = []
    over = threading.Event()
    writers = [writer(number, committed) for number in range(WRITERS)]
    left = threading.Semaphore(0)

    def counted(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            finally:
                left.release()

        return run

    def bell() -> None:
        for _ in writers:
            left.acquire()
        over.set()

    all_well(together(*map(counted, writers), drainer(over), drainer(over), bell))
    facts.number()
    for _ in range(3):
        facts.dispatch(at=NOON)
    return committed


def test_each_committed_fact_takes_effect_exactly_once_and_the_bad_ones_are_parked() -> None:
    bad = 2 * EACH + 7
    subscribe("test.well")
    subscribe("test.fails", fails_at=bad)
    subscribe("test.fails at commit", fails_at=bad, at_commit=True)
    # the bad fact itself must be among the committed
    facts.publish([AccountOpened(customer=-1, at=NOON)])
    committed = [-1, *race()]
    if bad not in committed:
        facts.publish([AccountOpened(customer=bad, at=NOON)])
        committed.append(bad)
        facts.number()
        facts.dispatch(at=NOON)
    assert 600 < len(committed) <= 1001, "some were rolled back"
    once = Counter(committed)
    assert took("test.well") == once
    assert took("test.fails") == took("test.fails at commit") == once - Counter([bad])
    assert sorted(ParkedFact.objects.values_list("subscriber", "fact__customer")) == [
        ("test.fails", bad),
        ("test.fails at commit", bad),
    ]
    positions = list(Fact.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(1, len(committed) + 1))
    assert set(Subscription.objects.values_list("position", flat=True)) == {len(committed)}, "nobody stalls"


def test_a_fact_that_fails_only_at_commit_is_parked_alone_of_a_thousand() -> None:
    subscribe("test.fails at commit", fails_at=700, at_commit=True)
    facts.publish(AccountOpened(customer=number, at=NOON) for number in range(1000))
    facts.number()
    assert facts.dispatch(at=NOON) == 1000
    assert took("test.fails at commit") == Counter(range(1000)) - Counter([700])
    parked = ParkedFact.objects.get()
    assert (parked.fact.customer, Spend.objects.count()) == (700, 0)
    assert facts.retry(parked, at=NOON) is False, "it still fails at its commit"
    parked.refresh_from_db()
    assert (parked.resolved_at, parked.tries) == (None, 2)


def both_read_then_take(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two drains that have both read position 0 before either takes anything."""
    ready, take = threading.Barrier(2), facts._take
    waited = threading.local()

    def late(*args: Any, **given: Any) -> int:
        if not getattr(waited, "once", False):
            waited.once = True
            ready.wait(30)
        return take(*args, **given)

    monkeypatch.setattr(facts, "_take", late)
    subscriber = subscribe("test.well")
    facts.publish(AccountOpened(customer=number, at=NOON) for number in range(50))
    facts.number()
    return all_well(together(*[lambda: facts.catch_up(subscriber, at=NOON)] * 2))


def test_of_two_that_read_the_same_position_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(both_read_then_take(monkeypatch)) == [0, 50]
    assert took("test.well") == Counter(range(50))


def test_without_the_guard_both_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: this race is one that the guard decides."""

    def move(subscriber: Subscriber, *, old: int, new: int, at: Any) -> None:
        Subscription.objects.filter(name=subscriber.name).update(position=new)

    monkeypatch.setattr(facts, "_move", move)
    real = facts.connection

    class Blind:
        """Says that it is not PostgreSQL, so that the row lock is not taken either."""

        vendor = "none"

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(facts, "connection", Blind())
    assert both_read_then_take(monkeypatch) == [50, 50]
    assert took("test.well") == Counter(list(range(50)) * 2)


@pytest.mark.postgres
def test_a_late_commit_is_not_lost_behind_the_reader() -> None:
    """Its id is lower than one that was read already; by id it would never be seen."""
    subscribe("test.well")
    written, may_commit = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            facts.publish([AccountOpened(customer=1, at=NOON)])
            written.set()
            assert may_commit.wait(30)

    def early() -> None:
        assert written.wait(30)
        facts.publish([AccountOpened(customer=2, at=NOON)])
        facts.number()
        facts.dispatch(at=NOON)
        may_commit.set()

    all_well(together(late, early))
    facts.number()
    facts.dispatch(at=NOON)
    rows = Fact.objects.order_by("pk").values_list("customer", "position")
    assert list(rows) == [(1, 2), (2, 1)]
    assert took("test.well") == Counter([1, 2])


@pytest.mark.postgres
def test_a_lost_connection_parks_nothing() -> None:
    cut = [True]

    def handle(batch: Sequence[Recorded]) -> None:
        write(batch, "test.cut")
        if cut.pop() if cut else False:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    registry.subscribe("test.cut", AccountOpened, does="loses the line", handle=handle)
    facts.publish(AccountOpened(customer=number, at=NOON) for number in range(10))
    facts.number()
    assert facts.dispatch(at=NOON) == 0
    connection.close()
    assert facts.dispatch(at=NOON) == 10
    assert took("test.cut") == Counter(range(10))
    assert ParkedFact.objects.count() == 0


@pytest.mark.postgres
def test_a_deadlock_parks_nothing() -> None:
    """Somebody else takes the same two rows the other way round."""
    Signal.objects.create(kind="row", reference="1")
    Signal.objects.create(kind="row", reference="2")
    first, second = Signal.objects.filter(kind="row").order_by("pk")
    mine, theirs = threading.Event(), threading.Event()

    def handle(batch: Sequence[Recorded]) -> None:
        write(batch, "test.dead")
        if not mine.is_set():
            Signal.objects.filter(pk=first.pk).update(tries=1)
            mine.set()
            assert theirs.wait(30)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '50ms'")  # this one is the victim
            Signal.objects.filter(pk=second.pk).update(tries=1)

    def other() -> None:
        with transaction.atomic():
            Signal.objects.filter(pk=second.pk).update(tries=2)
            assert mine.wait(30)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '30s'")
            theirs.set()
            Signal.objects.filter(pk=first.pk).update(tries=2)

    registry.subscribe("test.dead", AccountOpened, does="deadlocks", handle=handle)
    facts.publish(AccountOpened(customer=number, at=NOON) for number in range(10))
    facts.number()
    taken, _ = all_well(together(lambda: facts.dispatch(at=NOON), other))
    assert taken == 0
    assert facts.dispatch(at=NOON) == 10
    assert took("test.dead") == Counter(range(10))
    assert ParkedFact.objects.count() == 0


def test_a_parked_fact_that_two_retry_at_once_is_taken_once() -> None:
    subscribe("test.well", fails_at=1)
    facts.publish([AccountOpened(customer=1, at=NOON)])
    facts.number()
    facts.dispatch(at=NOON)
    parked = ParkedFact.objects.get()
    registry.subscribers.remove("test.well")
    subscribe("test.well")
    assert all_well(together(*[lambda: facts.retry(parked, at=NOON)] * 4)) == [True] * 4
    assert took("test.well") == Counter([1])
