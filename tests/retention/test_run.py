"""``retention_run``: the same work without Celery."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError

from retention import registry
from retention.management.commands import retention_run
from retention.models import Heartbeat, Signal
from retention.services import ticks
from tests.retention.ground import happened
from tests.retention.shop import LocalShop


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leave the run's own handling of signals as it was."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_once_does_what_is_due_and_ends(shop: LocalShop) -> None:
    shop.place("A1")
    Signal.objects.create(kind="test", reference="A1")
    said = StringIO()
    call_command("retention_run", "--once", stdout=said)
    assert said.getvalue().endswith("items done.\n")
    assert happened() == ["OrderPlaced A1"]
    assert Heartbeat.objects.filter(error="").count() == len(registry.ticks.names())


def test_the_loop_outlives_a_database_that_does_not_answer_and_ends_on_a_signal(
    shop: LocalShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[str] = []

    def run_due(*, at: datetime) -> int:
        rounds.append("tried")
        if len(rounds) < 3:
            raise OperationalError("the server closed the connection unexpectedly")
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr(ticks, "run_due", run_due)
    monkeypatch.setattr(retention_run, "PAUSE", 0)
    monkeypatch.setattr(retention_run.connection, "close", lambda: None)  # the test's own transaction
    monkeypatch.setattr(retention_run, "close_old_connections", lambda: None)
    call_command("retention_run", "--loop", stdout=StringIO())
    assert rounds == ["tried"] * 3
    assert [record.getMessage() for record in caplog.records] == ["the database does not answer; it is asked again"] * 2
