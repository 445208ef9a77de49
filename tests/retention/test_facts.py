"""Facts: numbered after the fact, given to each subscriber exactly once, parked alone."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from retention import registry
from retention.facts import AccountOpened, AddressProven, OrderPaid
from retention.models import Fact, Installation, ParkedFact, Signal, Subscription
from retention.registry import Recorded, Subscriber
from retention.services import facts
from tests.retention.shop import NOON

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


class Bad(Exception):
    """What a subscriber raises for the fact it cannot take."""


class Log:
    """A subscriber that writes down which customers it was told of, in which batches; ``bad`` ones it refuses."""

    def __init__(self, name: str = "test.log", *kinds: Any, bad: Sequence[int] = ()) -> None:
        self.bad = set(bad)
        self.batches: list[list[int]] = []
        self.subscriber = registry.subscribe(name, *(kinds or (AccountOpened,)), does="writes down", handle=self.handle)

    def handle(self, batch: Sequence[Recorded]) -> None:
        told = [int(fact.data.customer or 0) for fact in batch]
        self.batches.append(told)
        Signal.objects.bulk_create(Signal(kind=self.subscriber.name, reference=str(one)) for one in told)
        if self.bad & set(told):
            raise Bad(f"cannot take {sorted(self.bad & set(told))}")

    @property
    def took(self) -> list[int]:
        """Which customers' facts took effect."""
        return [int(row.reference) for row in Signal.objects.filter(kind=self.subscriber.name).order_by("pk")]


@pytest.fixture(autouse=True)
def ground(wiring: Callable[..., None]) -> None:
    """The ground's own wiring."""


def publish(*customers: int, kind: Any = AccountOpened, **given: Any) -> None:
    facts.publish(kind(customer=customer, at=NOON, **given) for customer in customers)
    facts.number()


def position(subscriber: Subscriber) -> int:
    return Subscription.objects.get(name=subscriber.name).position


def test_a_fact_has_no_position_until_it_is_numbered() -> None:
    facts.publish([AccountOpened(customer=1, at=NOON)])
    assert Fact.objects.get().position is None
    assert facts.number() == 1
    assert facts.number() == 0
    assert (Fact.objects.get().position, Installation.objects.get().last_position) == (1, 1)


def test_positions_go_on_where_they_were() -> None:
    publish(1, 2, 3)
    publish(4)
    assert list(Fact.objects.order_by("pk").values_list("position", flat=True)) == [1, 2, 3, 4]


def test_positions_are_not_given_again_after_pruning() -> None:
    log = Log()
    publish(1, 2)
    facts.dispatch(at=NOON)
    assert facts.prune(at=NOON + 401 * DAY) == 2
    publish(3)
    assert Fact.objects.get().position == 3
    facts.dispatch(at=NOON)
    assert log.took == [1, 2, 3]


def test_each_subscriber_gets_each_fact_of_its_kinds_once_in_one_batch() -> None:
    opened, proven = Log("test.opened"), Log("test.proven", AddressProven)
    both = Log("test.both", AccountOpened, AddressProven)
    publish(1, 2)
    publish(3, kind=AddressProven)
    assert facts.dispatch(at=NOON) == 9, "three facts passed by each of three"
    assert facts.dispatch(at=NOON) == 0
    assert (opened.batches, proven.batches, both.batches) == ([[1, 2]], [[3]], [[1, 2, 3]])
    assert {position(log.subscriber) for log in (opened, proven, both)} == {3}


def test_a_round_with_nothing_new_costs_two_queries_however_many_listen() -> None:
    logs = [Log(f"test.{number}") for number in range(20)]
    publish(1)
    facts.dispatch(at=NOON)
    with CaptureQueriesContext(connection) as queries:
        assert facts.dispatch(at=NOON) == 0
    assert len(queries) == 2
    assert all(log.took == [1] for log in logs)


def test_a_fact_is_restored_as_it_was_published() -> None:
    seen: list[Recorded] = []
    registry.subscribe("test.seen", OrderPaid, does="looks", handle=seen.extend)
    told = OrderPaid(customer=7, at=NOON, order="A1", history=True)
    facts.publish([told])
    facts.number()
    facts.dispatch(at=NOON)
    assert [fact.data for fact in seen] == [told]
    assert (seen[0].id, seen[0].position) == (Fact.objects.get().pk, 1)


def test_a_fact_of_a_newer_version_is_taken_without_what_we_do_not_know() -> None:
    log = Log()
    Fact.objects.create(
        kind="retention.AccountOpened", payload={"from_the_future": 1}, customer=1, happened_at=NOON
    )  # fmt: skip
    Fact.objects.create(kind="retention.NotInventedYet", payload={}, customer=2, happened_at=NOON)
    facts.number()
    facts.dispatch(at=NOON)
    assert log.took == [1]
    assert position(log.subscriber) == 2


def test_who_subscribes_later_starts_with_the_first_fact() -> None:
    publish(1, 2)
    facts.dispatch(at=NOON)
    log = Log()
    facts.dispatch(at=NOON)
    assert log.took == [1, 2]


def test_one_fact_of_a_thousand_that_cannot_be_taken_is_parked_alone() -> None:
    log, other = Log(bad=[700]), Log("test.other")
    publish(*range(1, 1001))
    facts.dispatch(at=NOON)
    assert sorted(log.took) == [number for number in range(1, 1001) if number != 700]
    assert len(other.took) == 1000
    parked = ParkedFact.objects.get()
    assert (parked.subscriber, parked.fact.customer, parked.parked_at) == ("test.log", 700, NOON)
    assert parked.traceback.rstrip().endswith("test_facts.Bad: cannot take [700]")
    assert position(log.subscriber) == position(other.subscriber) == 1000


def test_a_thousand_facts_are_two_batches_and_a_fault_costs_few_more() -> None:
    log = Log(bad=[700])
    publish(*range(1, 1001))
    facts.dispatch(at=NOON)
    assert len(log.batches[0]) == 500
    assert len(log.batches) <= 1 + 2 * 9 + 1, "each halving adds two"


def test_several_bad_facts_are_parked_each() -> None:
    log = Log(bad=[1, 2, 50, 100])
    publish(*range(1, 101))
    facts.dispatch(at=NOON)
    assert sorted(ParkedFact.objects.values_list("fact__customer", flat=True)) == [1, 2, 50, 100]
    assert len(log.took) == 96


def test_a_fact_that_cannot_be_restored_is_parked_for_its_subscriber() -> None:
    log = Log("test.paid", OrderPaid)
    Fact.objects.create(kind="retention.OrderPaid", payload={}, customer=1, happened_at=NOON)
    publish(2, kind=OrderPaid, order="A2")
    facts.dispatch(at=NOON)
    assert log.took == [2]
    assert "missing 1 required keyword-only argument: 'order'" in ParkedFact.objects.get().traceback


def test_what_a_failing_subscriber_wrote_is_rolled_back() -> None:
    """The handler writes first and fails then."""
    log = Log(bad=[2])
    publish(1, 2, 3)
    facts.dispatch(at=NOON)
    assert sorted(log.took) == [1, 3]


class Deadlock(Exception):
    sqlstate = "40P01"
    sqlite_errorname = "SQLITE_BUSY"


def test_what_passes_by_itself_parks_nothing_and_is_tried_again() -> None:
    log = Log()
    tries = []

    def handle(batch: Sequence[Recorded]) -> None:
        tries.append(len(batch))
        log.handle(batch)
        if len(tries) < 3:
            raise OperationalError("deadlock detected") from Deadlock()

    registry.subscribers.remove("test.log")
    subscriber = registry.subscribe("test.log", AccountOpened, does="fails twice", handle=handle)
    publish(1, 2, 3)
    for _ in range(2):
        assert facts.dispatch(at=NOON) == 0
        assert (position(subscriber), log.took, ParkedFact.objects.count()) == (0, [], 0)
    assert facts.dispatch(at=NOON) == 3
    assert (position(subscriber), log.took, ParkedFact.objects.count()) == (3, [1, 2, 3], 0)
    assert tries == [3, 3, 3]


def test_one_subscriber_in_trouble_does_not_stop_the_next() -> None:
    def stuck(batch: Sequence[Recorded]) -> None:
        raise OperationalError("too many connections") from Deadlock()

    registry.subscribe("test.stuck", AccountOpened, does="is stuck", handle=stuck)
    log = Log("test.well")
    publish(1, 2)
    assert facts.dispatch(at=NOON) == 2
    assert log.took == [1, 2]


def test_an_error_of_the_database_that_stays_is_parked() -> None:
    def wrong(batch: Sequence[Recorded]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    registry.subscribe("test.wrong", AccountOpened, does="asks for what is not", handle=wrong)
    publish(1)
    assert facts.dispatch(at=NOON) == 1
    assert "no_such_table" in ParkedFact.objects.get().traceback


def test_the_position_moves_only_from_where_it_was_read() -> None:
    """The guard, and the same without it: every fact would take effect twice."""
    log = Log()
    publish(1, 2, 3)
    Subscription.objects.create(name="test.log")
    rows = list(Fact.objects.order_by("position"))
    assert facts._take(log.subscriber, rows, old=0, at=NOON) == 3
    assert facts._take(log.subscriber, rows, old=0, at=NOON) == 0
    assert log.took == [1, 2, 3]


def test_without_the_guard_a_second_reader_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    def move(subscriber: Subscriber, *, old: int, new: int, at: Any) -> None:
        Subscription.objects.filter(name=subscriber.name).update(position=new)

    monkeypatch.setattr(facts, "_move", move)
    log = Log()
    publish(1, 2, 3)
    Subscription.objects.create(name="test.log")
    rows = list(Fact.objects.order_by("position"))
    assert [facts._take(log.subscriber, rows, old=0, at=NOON) for _ in range(2)] == [3, 3]
    assert log.took == [1, 2, 3, 1, 2, 3]


def test_a_parked_fact_is_taken_at_a_persons_word_once() -> None:
    log = Log(bad=[2])
    publish(1, 2, 3)
    facts.dispatch(at=NOON)
    parked = ParkedFact.objects.get()
    log.bad.clear()
    assert facts.retry(parked, at=NOON + DAY) is True
    assert facts.retry(parked, at=NOON + 2 * DAY) is True
    assert sorted(log.took) == [1, 2, 3]
    parked.refresh_from_db()
    assert (parked.resolved_at, parked.tries) == (NOON + DAY, 1)


def test_a_parked_fact_that_is_still_not_taken_keeps_the_new_traceback() -> None:
    log = Log(bad=[2])
    publish(1, 2, 3)
    facts.dispatch(at=NOON)
    parked = ParkedFact.objects.get()
    ParkedFact.objects.update(traceback="the old one")
    assert facts.retry(parked, at=NOON + DAY) is False
    parked.refresh_from_db()
    assert (parked.resolved_at, parked.tries) == (None, 2)
    assert parked.traceback.rstrip().endswith("cannot take [2]")
    assert sorted(log.took) == [1, 3]


def test_a_parked_fact_whose_subscriber_is_gone_says_so() -> None:
    Log(bad=[1])
    publish(1)
    facts.dispatch(at=NOON)
    registry.subscribers.remove("test.log")
    assert facts.retry(ParkedFact.objects.get(), at=NOON) is False
    assert "No subscriber is named 'test.log' any more." in ParkedFact.objects.get().traceback


def test_facts_are_deleted_when_they_are_old_and_everybody_is_past_them() -> None:
    log = Log()
    publish(1, 2)
    assert facts.prune(at=NOON + 401 * DAY) == 0, "nobody has read them"
    facts.dispatch(at=NOON)
    slow = Log("test.slow")
    assert facts.prune(at=NOON + 401 * DAY) == 0, "a new subscriber has not"
    facts.dispatch(at=NOON)
    assert facts.prune(at=NOON + 400 * DAY) == 0, "not old enough"
    publish(3)
    assert facts.prune(at=NOON + 401 * DAY) == 2
    facts.dispatch(at=NOON)
    assert log.took == slow.took == [1, 2, 3]


def test_a_parked_fact_is_kept_until_it_is_resolved() -> None:
    log = Log(bad=[1])
    publish(1, 2)
    facts.dispatch(at=NOON)
    assert facts.prune(at=NOON + 401 * DAY) == 1
    log.bad.clear()
    assert facts.retry(ParkedFact.objects.get(), at=NOON + 401 * DAY)
    assert facts.prune(at=NOON + 402 * DAY) == 0, "what was mended is to be seen as long"
    assert facts.prune(at=NOON + 802 * DAY) == 1
    assert (Fact.objects.count(), ParkedFact.objects.count()) == (0, 0)


def test_the_queries_of_a_round_do_not_depend_on_the_number_of_facts() -> None:
    registry.subscribe("test.quiet", AccountOpened, does="nothing", handle=lambda batch: None)
    publish(1)
    facts.dispatch(at=NOON)

    def cost(count: int) -> int:
        facts.publish(AccountOpened(customer=number, at=NOON) for number in range(count))
        with CaptureQueriesContext(connection) as queries:
            facts.number()
            facts.dispatch(at=NOON)
        return len(queries)

    assert cost(400) == cost(4)
