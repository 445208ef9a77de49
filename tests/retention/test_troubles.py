"""What is broken: each trouble is named with its cure, and nothing is named that is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from retention import registry
from retention.facts import AccountOpened
from retention.models import Customer, Fact, Heartbeat, Message, ParkedFact
from retention.services import ticks
from retention.troubles import find
from tests.retention.ground import promise, tell
from tests.retention.shop import NOON, LocalShop

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def running(shop: LocalShop) -> None:
    """A shop whose ticks have just run."""
    ticks.run_due(at=NOON)


def said() -> list[tuple[str, int]]:
    return [(str(trouble.what), trouble.count) for trouble in find(NOON)]


def test_a_shop_that_is_well_has_none(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    assert said() == []


@pytest.mark.parametrize(
    ("state", "words"),
    [("failed", "2 messages failed"), ("unknown", "2 messages may have left or not")],
)
def test_messages_that_need_a_person(mails: None, customer: Callable[..., Customer], state: str, words: str) -> None:
    for key in "ab":
        promise(customer(f"{key}@example.com"), key=key)
    Message.objects.update(state=state)
    assert said() == [(words, 2)]


@pytest.mark.parametrize("state", ["planned", "due", "skipped", "cancelled"])
def test_messages_that_need_nobody(mails: None, customer: Callable[..., Customer], state: str) -> None:
    promise(customer())
    Message.objects.update(state=state)
    assert said() == []


def test_parked_facts_by_subscriber(shop: LocalShop) -> None:
    fact = Fact.objects.create(
        kind=AccountOpened.kind, payload={}, customer=1, happened_at=NOON
    )  # fmt: skip
    ParkedFact.objects.create(subscriber="points", fact=fact, traceback="", parked_at=NOON)
    ParkedFact.objects.create(subscriber="mail", fact=fact, traceback="", parked_at=NOON, resolved_at=NOON)
    assert said() == [("1 fact is parked for points", 1)]


def test_signals_that_cannot_be_read_and_orders_that_the_shop_has_not(shop: LocalShop) -> None:
    shop.place("A1")
    shop.broken = {"A1"}
    tell("A1", "of another shop")
    assert said() == [
        ("1 signal of the shop cannot be read", 1),
        ("1 signal names an order that the shop does not have", 1),
    ]


def test_statuses_that_mean_nothing_to_us(shop: LocalShop, wiring: Callable[..., None]) -> None:
    shop.known_statuses = ["new", "sent", "odd", "void"]
    wiring(STATUS_TIMES={"sent": "fulfilled"}, PLAIN_STATUSES=["new"])
    for number, status in enumerate(["new", "sent", "void", "odd", "odd"]):
        shop.place(f"A{number}", status=status)
    tell(*shop.orders)
    assert said() == [("Statuses that mean nothing to us: odd, void", 2)]


def test_a_tick_that_stands_still_and_one_that_fails(shop: LocalShop) -> None:
    Heartbeat.objects.filter(name="retention.drain").update(at=NOON - 121 * SECOND)
    Heartbeat.objects.filter(name="retention.facts").update(at=NOON - 120 * SECOND)
    Heartbeat.objects.filter(name="retention.sweep_new").update(at=NOON - 3001 * SECOND)
    Heartbeat.objects.filter(name="retention.deliver").update(error="KeyError: 'x'")
    assert [what for what, _ in said()] == [
        "retention.drain does not run",
        "retention.deliver fails: KeyError: 'x'",
        "retention.sweep_new does not run",
    ]


def test_every_trouble_has_a_cure_and_a_place(
    shop: LocalShop, mails: None, customer: Callable[..., Customer], wiring: Callable[..., None]
) -> None:
    shop.known_statuses = ["odd"]
    shop.place("A1", status="odd")
    shop.broken = {"A2"}
    tell("A1", "A2", "A3")
    for number, state in enumerate(["failed", "unknown"]):
        Message.objects.filter(pk=promise(customer(f"{number}@example.com")).pk).update(state=state)
    fact = Fact.objects.latest("pk")
    ParkedFact.objects.create(subscriber="points", fact=fact, traceback="", parked_at=NOON)
    Heartbeat.objects.all().delete()
    found: list[Any] = list(find(NOON))
    assert len(found) == 6 + len(registry.ticks.names())
    for trouble in found:
        assert str(trouble.cure)
        assert trouble.url.startswith("/admin/retention/")
