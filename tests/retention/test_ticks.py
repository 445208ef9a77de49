"""Ticks: who does what is due, once, and what is seen when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from retention import registry
from retention.models import Heartbeat, Message, Signal
from retention.registry import Tick
from retention.services import health, installation, ticks
from retention.views import health as health_view
from tests.retention.ground import promise, tell
from tests.retention.shop import NOON, LocalShop

pytestmark = pytest.mark.django_db

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def ran(wiring: Callable[..., None]) -> list[tuple[str, datetime]]:
    """Two ticks that write down when they ran; one each two seconds, one each hour."""
    done: list[tuple[str, datetime]] = []

    def tick(name: str) -> Callable[[datetime], int]:
        def run(at: datetime) -> int:
            done.append((name, at))
            return 3

        return run

    registry.ticks._items.clear()
    for name, every in (("quick", 2), ("slow", 3600)):
        registry.ticks.add(name, Tick(name=name, every=every, run=tick(name)))
    return done


def names(ran: list[tuple[str, datetime]]) -> list[str]:
    return [name for name, _ in ran]


def test_what_has_never_run_is_due(ran: list[Any]) -> None:
    assert ticks.run_due(at=NOON) == 6
    assert ran == [("quick", NOON), ("slow", NOON)]


def test_a_doubled_call_does_nothing_twice(ran: list[Any]) -> None:
    ticks.run_due(at=NOON)
    assert ticks.run_due(at=NOON) == 0
    assert ticks.run_due(at=NOON + SECOND) == 0
    assert len(ran) == 2


def test_each_runs_at_its_own_pace(ran: list[Any]) -> None:
    for second in range(0, 8, 2):
        ticks.run_due(at=NOON + second * SECOND)
    ticks.run_due(at=NOON + 3600 * SECOND)
    assert names(ran) == ["quick", "slow", "quick", "quick", "quick", "quick", "slow"]


def test_a_clock_that_is_a_little_early_loses_no_turn(ran: list[Any]) -> None:
    ticks.run_due(at=NOON)
    ticks.run_due(at=NOON + 1.6 * SECOND)
    assert names(ran) == ["quick", "slow", "quick"]


def test_the_heartbeat_says_when_and_how_much(ran: list[Any]) -> None:
    ticks.run_due(at=NOON)
    assert list(Heartbeat.objects.order_by("name").values_list("name", "at", "did", "error")) == [
        ("quick", NOON, 3, ""),
        ("slow", NOON, 3, ""),
    ]


def test_an_error_is_kept_on_the_heartbeat_and_the_others_run(ran: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    def fail(at: datetime) -> int:
        raise LookupError("nobody at ada@example.com")

    registry.ticks.remove("quick")
    registry.ticks.add("quick", Tick(name="quick", every=2, run=fail))
    assert ticks.run_due(at=NOON) == 3
    assert names(ran) == ["slow"]
    assert Heartbeat.objects.get(name="quick").error == "LookupError: nobody at …"
    assert [record.getMessage() for record in caplog.records] == ["tick quick failed"]


def test_an_error_goes_when_it_works_again(ran: list[Any]) -> None:
    Heartbeat.objects.create(name="quick", at=NOON - DAY, error="LookupError: gone")
    ticks.run_due(at=NOON)
    assert Heartbeat.objects.get(name="quick").error == ""


def test_who_takes_long_does_not_set_the_clock_back(ran: list[Any]) -> None:
    """Another worker has run the same tick meanwhile."""

    def slow(at: datetime) -> int:
        Heartbeat.objects.filter(name="quick").update(at=NOON + 60 * SECOND)
        return 0

    registry.ticks.remove("quick")
    registry.ticks.add("quick", Tick(name="quick", every=2, run=slow))
    ticks.run_due(at=NOON)
    assert Heartbeat.objects.get(name="quick").at == NOON + 60 * SECOND


def test_every_tick_of_the_ground_runs_on_an_empty_shop(shop: LocalShop) -> None:
    ticks.run_due(at=NOON)
    beats = dict(Heartbeat.objects.values_list("name", "error"))
    assert beats == {tick.name: "" for tick in registry.ticks}
    assert {"retention.drain", "retention.deliver", "retention.consents"} <= beats.keys()


def test_one_round_brings_an_order_to_the_projection_and_a_mail_to_the_mailbox(
    shop: LocalShop, mails: None, customer: Callable[..., Any], mailoutbox: list[Any]
) -> None:
    shop.place("A1")
    Signal.objects.create(kind="test", reference="A1")
    message = promise(customer("ben@example.com"))
    ticks.run_due(at=NOON)
    message.refresh_from_db()
    assert message.state == "sent"
    assert Signal.objects.get().outcome == "read"


# Health


def answer(at: datetime, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, Any]]:
    monkeypatch.setattr(health_view.timezone, "now", lambda: at)
    response = Client().get("/retention/health/")
    return response.status_code, response.json()


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "find_app", lambda: None)


def test_a_shop_whose_ticks_run_is_well(shop: LocalShop, no_broker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks.run_due(at=NOON)
    status, body = answer(NOON + 120 * SECOND, monkeypatch)
    assert status == 200
    assert body == {
        "ok": True,
        "database": "ok",
        "broker": "not used",
        "oldest_due_seconds": None,
        "oldest_signal_seconds": None,
        "last_tick_seconds": 120,
    }


@pytest.mark.parametrize("beats", [True, False], ids=["stopped", "never ran"])
def test_a_shop_without_ticks_is_not_well(
    shop: LocalShop, no_broker: None, monkeypatch: pytest.MonkeyPatch, *, beats: bool
) -> None:
    if beats:
        ticks.run_due(at=NOON)
    status, body = answer(NOON + 121 * SECOND, monkeypatch)
    assert status == 503
    assert body["ok"] is False
    assert body["last_tick_seconds"] == (121 if beats else None)


def test_health_says_how_long_things_wait(
    shop: LocalShop, no_broker: None, mails: None, customer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks.run_due(at=NOON)
    promise(customer(), due_at=NOON - 50 * SECOND)
    Message.objects.update(state="due")
    Signal.objects.create(kind="test", reference="A1")
    Signal.objects.update(created_at=NOON - 90 * SECOND)
    _, body = answer(NOON + 10 * SECOND, monkeypatch)
    assert (body["oldest_due_seconds"], body["oldest_signal_seconds"]) == (60, 100)


def test_a_broker_that_does_not_answer_is_not_well(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks.run_due(at=NOON)
    monkeypatch.setattr(health, "find_app", object)
    monkeypatch.setattr(health, "is_reachable", lambda: "OperationalError")
    status, body = answer(NOON, monkeypatch)
    assert (status, body["broker"]) == (503, "OperationalError")


def test_a_broker_that_answers_is_well(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, of this run."""
    ticks.run_due(at=NOON)
    status, body = answer(NOON, monkeypatch)
    assert (status, body["broker"]) == (200, "ok")


def test_health_names_nobody(shop: LocalShop, no_broker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.place("A1", email="ada@example.com")
    tell("A1")
    installation.pause(by="Ben", at=NOON)
    _, body = answer(NOON, monkeypatch)
    assert set(body) == {
        "ok", "database", "broker", "oldest_due_seconds", "oldest_signal_seconds", "last_tick_seconds",
    }  # fmt: skip


def test_health_is_for_reading_only(shop: LocalShop) -> None:
    assert Client().post("/retention/health/").status_code == 405
