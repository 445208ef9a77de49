"""Draining: duplicates, reordering, unknown orders and one that the adapter cannot read."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, Order, Signal
from retention.services import customers, drain, inbox
from retention.shop import LineData
from tests.retention.ground import happened, tell
from tests.retention.shop import NOON, LocalShop

MINUTE = timedelta(minutes=1)


def test_the_same_event_twenty_times_is_one_order(shop: LocalShop) -> None:
    shop.place("A1")
    assert tell(*["A1"] * 20) == 20
    assert shop.asked == [["A1"]]
    assert Order.objects.count() == 1
    assert happened() == ["OrderPlaced A1"]
    assert list(Signal.objects.values_list("outcome", "drained_at").distinct()) == [("read", NOON)]


def test_the_same_event_in_twenty_rounds_changes_nothing_after_the_first(shop: LocalShop) -> None:
    shop.place("A1", paid_at=NOON)
    for minute in range(20):
        tell("A1", at=NOON + minute * MINUTE)
    assert happened() == ["OrderPlaced A1", "OrderPaid A1"]
    assert Order.objects.get().read_at == NOON


def test_late_and_reordered_events_end_at_what_the_shop_says_now(shop: LocalShop) -> None:
    """The refund's event comes before the placing's: what counts is the shop, not the event."""
    shop.place("A1", paid_at=NOON, fulfilled_at=NOON + MINUTE)
    shop.refund("A1", "40.00")
    for kind in ("refunded", "fulfilled", "placed", "paid"):
        inbox.record(kind=kind, reference="A1")
    drain.drain(at=NOON)
    assert happened() == ["OrderPlaced A1", "OrderPaid A1", "OrderFulfilled A1", "OrderRefunded A1"]
    assert Order.objects.get().refunded_minor == 4000


def test_an_order_that_the_shop_does_not_have_is_shown_as_unknown(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1", "from another shop")
    assert dict(Signal.objects.values_list("reference", "outcome")) == {"A1": "read", "from another shop": "unknown"}
    assert Customer.objects.count() == 1
    assert happened() == ["OrderPlaced A1"]


def test_an_order_that_the_adapter_cannot_read_does_not_hold_up_the_others(shop: LocalShop) -> None:
    for number in range(1, 8):
        shop.place(f"A{number}")
    shop.broken = {"A3"}
    tell(*shop.orders)
    assert sorted(Order.objects.values_list("reference", flat=True)) == ["A1", "A2", "A4", "A5", "A6", "A7"]
    signal = Signal.objects.get(reference="A3")
    assert (signal.outcome, signal.tries, signal.drained_at) == ("", 1, None)
    assert signal.error.endswith("tests.retention.shop.Broken: order A3 has no currency\n")


def test_it_is_tried_eight_times_with_doubling_waits_and_then_failed(shop: LocalShop) -> None:
    shop.place("A1")
    shop.broken = {"A1"}
    tell("A1")
    waits, now = [], NOON
    for _ in range(7):
        signal = Signal.objects.get()
        assert signal.drained_at is None
        waits.append((signal.retry_at - now) // MINUTE)
        assert drain.drain(at=signal.retry_at - MINUTE / 2) == 0, "not before its time"
        now = signal.retry_at
        assert drain.drain(at=now) == 1
    signal = Signal.objects.get()
    assert waits == [1, 2, 4, 8, 16, 32, 64]
    assert (signal.outcome, signal.tries, signal.drained_at) == ("failed", 8, now)
    assert drain.drain(at=now + timedelta(days=30)) == 0
    assert len(shop.asked) == 8


def test_a_failed_signal_is_read_again_at_a_persons_word(shop: LocalShop) -> None:
    shop.place("A1")
    shop.broken = {"A1"}
    tell("A1")
    Signal.objects.update(tries=7, retry_at=NOON)
    drain.drain(at=NOON)
    signal = Signal.objects.get()
    assert signal.outcome == "failed"
    shop.broken = set()
    drain.retry(signal)
    assert drain.drain(at=NOON + MINUTE) == 1
    signal.refresh_from_db()
    assert (signal.outcome, signal.error) == ("read", "")
    assert happened() == ["OrderPlaced A1"]


def test_a_new_signal_does_not_wait_for_an_old_one_that_failed(shop: LocalShop) -> None:
    shop.place("A1")
    shop.broken = {"A1"}
    tell("A1")
    shop.broken = set()
    tell("A1", at=NOON + timedelta(seconds=2))
    assert happened() == ["OrderPlaced A1"]
    drain.drain(at=NOON + timedelta(hours=1))
    assert list(Signal.objects.values_list("outcome", flat=True)) == ["read", "read"]
    assert happened() == ["OrderPlaced A1"]


def test_an_order_that_cannot_be_stored_is_alone_in_failing(shop: LocalShop) -> None:
    """Two lines with one reference break a constraint of ours."""
    from_the_host = {"reference": "1", "product": "P1"}
    shop.place("A1")
    shop.place("A2", lines=_lines(from_the_host, from_the_host))
    shop.place("A3", lines=_lines(from_the_host))
    tell("A1", "A2", "A3")
    assert sorted(Order.objects.values_list("reference", flat=True)) == ["A1", "A3"]
    assert happened() == ["OrderPlaced A1", "OrderPlaced A3"]
    assert "retention_line_once" in Signal.objects.get(reference="A2").error or connection.vendor == "sqlite"


def test_an_order_of_a_user_who_does_not_exist_is_alone_in_failing(shop: LocalShop) -> None:
    """The foreign key is deferred: without a look it would fail the whole round at its COMMIT, for ever."""
    shop.place("A1")
    shop.place("A2", user_id=987654)
    tell("A1", "A2")
    assert happened() == ["OrderPlaced A1"]
    assert "987654" in Signal.objects.get(reference="A2").error
    assert Customer.objects.filter(kind="member").count() == 0


def test_what_passes_by_itself_is_no_try(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadlock(references: Any) -> Any:
        raise OperationalError("deadlock detected") from _Busy()

    shop.place("A1")
    with monkeypatch.context() as patch:
        patch.setattr(shop, "get_orders", deadlock)
        with pytest.raises(OperationalError):
            tell("A1")
    assert list(Signal.objects.values_list("tries", "error")) == [(0, "")]
    assert drain.drain(at=NOON) == 1
    assert happened() == ["OrderPlaced A1"]


class _Busy(Exception):
    sqlstate = "40P01"
    sqlite_errorname = "SQLITE_BUSY"


def test_at_most_so_many_signals_a_round(shop: LocalShop) -> None:
    for number in range(7):
        shop.place(f"A{number}")
        inbox.record(kind="test", reference=f"A{number}")
    assert [drain.drain(at=NOON, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert Order.objects.count() == 7


def test_an_account_without_orders_is_taken_in(shop: LocalShop, user: Any) -> None:
    made = user("ada@example.com")
    inbox.record(kind=inbox.CUSTOMER, reference=str(made.pk))
    inbox.record(kind=inbox.CUSTOMER, reference="987654")
    drain.drain(at=NOON)
    assert list(Customer.objects.values_list("user", "kind", "address")) == [(made.pk, "member", "ada@example.com")]
    assert dict(Signal.objects.values_list("reference", "outcome")) == {str(made.pk): "read", "987654": "unknown"}
    assert happened() == ["AccountOpened"]


def test_an_account_that_cannot_be_taken_in_is_alone_in_failing(
    shop: LocalShop, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails after the shop has answered for both."""
    ada, ben = user("ada@example.com"), user("ben@example.com")
    take_in = customers.take_in

    def fussy(people: Any, **given: Any) -> int:
        people = list(people)
        done = take_in(people, **given)
        if ben.pk in [person.user_id for person in people]:
            raise LookupError("Ben is too much")
        return done

    monkeypatch.setattr(customers, "take_in", fussy)
    for one in (ada, ben):
        inbox.record(kind=inbox.CUSTOMER, reference=str(one.pk))
    drain.drain(at=NOON)
    outcomes = {row.reference: (row.outcome, row.tries) for row in Signal.objects.all()}
    assert outcomes == {str(ada.pk): ("read", 0), str(ben.pk): ("", 1)}
    assert list(Customer.objects.values_list("user", flat=True)) == [ada.pk]


def test_old_signals_are_deleted_and_waiting_ones_kept(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    inbox.record(kind="test", reference="A2")
    assert drain.prune(at=NOON + timedelta(days=400)) == 0
    assert drain.prune(at=NOON + timedelta(days=400, seconds=1)) == 1
    assert list(Signal.objects.values_list("reference", flat=True)) == ["A2"]


def _queries(shop: LocalShop, users: list[Any], first: int, count: int) -> int:
    for number in range(first, first + count):
        member = users[number % 2]
        owner = {"user_id": member.pk, "email": member.email} if number % 4 < 2 else {"email": f"g{number}@example.com"}
        shop.place(f"A{number}", **owner, paid_at=NOON, lines=_lines({"reference": "1", "product": "P"}))
        shop.refund(f"A{number}", "1.00")
        inbox.record(kind="test", reference=f"A{number}")
    with CaptureQueriesContext(connection) as queries:
        drain.drain(at=NOON)
    return len(queries)


@pytest.mark.postgres
def test_five_hundred_orders_cost_as_many_queries_as_ten(shop: LocalShop, user: Any) -> None:
    users = [user("ada@example.com", joined=True), user("ben@example.com", joined=True)]
    ten = _queries(shop, users, 0, 10)
    assert _queries(shop, users, 100, 500) == ten
    assert Order.objects.count() == 510


def test_the_queries_of_a_batch_do_not_grow_with_the_history(shop: LocalShop, user: Any) -> None:
    """SQLite splits an INSERT of many rows, so there only batches of one size can be compared."""
    users = [user("ada@example.com", joined=True), user("ben@example.com", joined=True)]
    first = _queries(shop, users, 0, 100)
    for start in range(100, 500, 100):
        assert _queries(shop, users, start, 100) == first
    assert Order.objects.count() == 500


def _lines(*given: dict[str, Any]) -> tuple[LineData, ...]:
    return tuple(LineData(**line) for line in given)
