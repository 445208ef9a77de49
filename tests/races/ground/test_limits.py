"""Limits, turns and tokens under many at once: exact."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from retention import registry
from retention.models import Attempt, Customer, Fact, Order, Signal, Token
from retention.registry import Tick
from retention.services import customers, drain, inbox, installation, suppression, throttle, ticks, tokens
from tests.races.together import all_well, together
from tests.retention.shop import NOON, LocalShop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("wiring")]

THREADS = 16


def attempts(count: int) -> Callable[[], int]:
    def run() -> int:
        return sum(throttle.hit(scope="test", who="192.0.2.1", limit=20, seconds=3600, at=NOON) for _ in range(count))

    return run


def test_of_sixteen_threads_with_ten_attempts_each_exactly_twenty_are_allowed() -> None:
    assert sum(all_well(together(*[attempts(10)] * THREADS))) == 20
    assert Attempt.objects.get().count == 20


def test_counting_by_reading_and_writing_would_allow_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same threads with a counter that is read first and written then."""
    ready = threading.Barrier(THREADS)

    def hit(*, scope: str, who: str, limit: int, seconds: int, at: datetime) -> bool:
        row, _ = Attempt.objects.get_or_create(scope=scope, who_hash=who, window=1)
        ready.wait(30)
        if row.count >= limit:
            return False
        Attempt.objects.filter(pk=row.pk).update(count=row.count + 1)
        return True

    Attempt.objects.create(scope="test", who_hash="192.0.2.1", window=1, count=19)
    monkeypatch.setattr(throttle, "hit", hit)
    assert sum(all_well(together(*[attempts(1)] * THREADS))) == THREADS, "one was left"


def test_a_limit_of_nothing_allows_nothing() -> None:
    def run() -> bool:
        return throttle.hit(scope="test", who="x", limit=0, seconds=60, at=NOON)

    assert all_well(together(*[run] * 4)) == [False] * 4


def test_windows_and_people_are_counted_apart() -> None:
    def hit(who: str, at: datetime) -> bool:
        return throttle.hit(scope="test", who=who, limit=1, seconds=60, at=at)

    later = NOON + timedelta(seconds=60)
    assert [hit("a", NOON), hit("a", NOON), hit("b", NOON), hit("a", later)] == [True, False, True, True]


def test_one_of_sixteen_takes_the_turn_of_a_tick() -> None:
    ran: list[datetime] = []
    registry.ticks._items.clear()
    registry.ticks.add("test", Tick(name="test", every=60, run=lambda at: ran.append(at) or 1))
    counts = all_well(together(*[lambda: ticks.run_due(at=NOON)] * THREADS))
    assert ran == [NOON]
    assert sum(counts) == 1


def test_one_of_sixteen_uses_a_token_up(customer: Callable[..., Customer]) -> None:
    [secret] = tokens.mint(
        purpose="claim", about=[(customer().pk, "A1")], lasts=timedelta(hours=1), at=NOON
    )  # fmt: skip

    def use() -> str:
        try:
            tokens.use(secret, purpose="claim", at=NOON)
        except tokens.Used:
            return "used"
        return "mine"

    assert Counter(all_well(together(*[use] * THREADS))) == {"mine": 1, "used": THREADS - 1}


def test_one_of_several_secrets_of_one_mail_is_used(customer: Callable[..., Customer]) -> None:
    """A mail was sent four times; all four links are opened at once."""
    about = [(customer().pk, "A1")] * 4
    secrets = tokens.mint(purpose="claim", about=about, lasts=timedelta(hours=1), at=NOON)

    def use(secret: str) -> str:
        try:
            tokens.use(secret, purpose="claim", at=NOON)
        except tokens.Used:
            return "used"
        return "mine"

    uses = [lambda secret=secret: use(secret) for secret in secrets]
    assert Counter(all_well(together(*uses))) == {"mine": 1, "used": 3}
    assert Token.objects.filter(used_at=None).count() == 0


def test_four_drains_and_four_senders_project_each_order_once(shop: LocalShop) -> None:
    for number in range(60):
        shop.place(f"A{number}", email=f"a{number % 7}@example.com", paid_at=NOON)

    def tell() -> None:
        for number in range(60):
            inbox.record(kind="test", reference=f"A{number}")

    def read() -> int:
        return sum(drain.drain(at=NOON) for _ in range(10))

    all_well(together(tell, tell, read, read, read, read))
    while drain.drain(at=NOON):
        pass
    assert Order.objects.count() == 60
    assert Counter(Fact.objects.values_list("kind", flat=True)) == {
        "retention.OrderPlaced": 60,
        "retention.OrderPaid": 60,
    }
    assert Signal.objects.filter(drained_at=None).count() == 0
    assert Customer.objects.count() == 7
    assert sum(Customer.objects.values_list("orders_count", flat=True)) == 60


@pytest.mark.postgres
def test_without_the_drains_lock_an_order_is_placed_twice(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control. SQLite's transaction is the lock itself and cannot be left out."""
    ready, get_orders = threading.Barrier(2), shop.get_orders

    @contextmanager
    def unlocked(name: str, *, wait: bool = False) -> Iterator[bool]:
        with transaction.atomic():
            yield True

    def read(references: Collection[str]) -> Any:
        ready.wait(30)
        return get_orders(references)

    shop.place("A1")
    inbox.record(kind="test", reference="A1")
    monkeypatch.setattr(drain, "one_at_a_time", unlocked)
    monkeypatch.setattr(shop, "get_orders", read)
    all_well(together(*[lambda: drain.drain(at=NOON)] * 2))
    assert list(Fact.objects.values_list("kind", flat=True)) == ["retention.OrderPlaced"] * 2


def test_eight_who_meet_a_guest_for_the_first_time_make_one_row() -> None:
    rows = all_well(together(*[lambda: customers.for_guest("Ada@example.com", at=NOON).pk] * 8))
    assert len(set(rows)) == 1
    assert Customer.objects.count() == 1


def test_eight_who_meet_a_member_for_the_first_time_open_one_account(user: Callable[..., Any]) -> None:
    member = user("ada@example.com")
    rows = all_well(together(*[lambda: customers.for_user(member, at=NOON).pk] * 8))
    assert len(set(rows)) == 1
    assert Fact.objects.filter(kind="retention.AccountOpened").count() == 1


def test_a_guest_that_eight_absorb_at_once_is_absorbed_once(shop: LocalShop, user: Callable[..., Any]) -> None:
    shop.place("A1")
    inbox.record(kind="test", reference="A1")
    drain.drain(at=NOON)
    member = customers.for_user(user("ada@example.com"), at=NOON)
    all_well(together(*[lambda: customers.prove_address(Customer.objects.get(pk=member.pk), at=NOON)] * 8))
    assert Counter(Fact.objects.exclude(kind="retention.OrderPlaced").values_list("kind", flat=True)) == {
        "retention.AccountOpened": 1,
        "retention.AddressProven": 1,
        "retention.OrderChangedHands": 1,
        "retention.GuestAbsorbed": 1,
    }
    assert Order.objects.get().customer_id == member.pk


def test_an_address_that_eight_suppress_at_once_is_suppressed_once() -> None:
    def add() -> bool:
        return suppression.add("ada@example.com", scope="all", reason="bounced", at=NOON)

    assert sorted(all_well(together(*[add] * 8))) == [False] * 7 + [True]


def test_going_live_at_once_is_one_stamp() -> None:
    def live(minute: int) -> datetime:
        return installation.go_live(at=NOON + timedelta(minutes=minute))

    stamps = all_well(together(*[lambda minute=minute: live(minute) for minute in range(8)]))
    assert len(set(stamps)) == 1


def test_a_webhook_that_eight_deliver_at_once_is_stored_once() -> None:
    def receive() -> bool:
        return inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b"{}")

    assert sorted(all_well(together(*[receive] * 8))) == [False] * 7 + [True]
    assert Signal.objects.count() == 1
    assert Signal.objects.update(tries=F("tries") + 1) == 1
