"""What system checks cannot see."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from celery import Celery
from django.core.management import CommandError, call_command

from retention import broker
from retention.services import doctor, installation, ticks
from tests.retention.ground import LIVE, tell
from tests.retention.shop import NOON, LocalShop


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/retention/health/" else 404)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(settings: Any) -> Iterator[str]:
    """A shop that answers under the base URL."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": url, "FROM_EMAIL": "Shop <shop@localhost>"}
    yield url
    server.shutdown()
    server.server_close()


def ill() -> list[str]:
    return [finding.what for finding in doctor.examine(at=NOON) if not finding.well]


def test_a_shop_that_is_well_is_told_so(shop: LocalShop, web: str) -> None:
    ticks.run_due(at=NOON)
    assert ill() == []


def test_a_shop_that_never_ticked_is_told_how_to_begin(shop: LocalShop, web: str) -> None:
    assert ill() == ["no tick has run yet"]


def test_a_broker_that_does_not_answer_is_named(shop: LocalShop, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks.run_due(at=NOON)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    app = Celery("closed", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False)
    monkeypatch.setattr(broker, "find_app", lambda: app)
    assert [what.split(" (")[0] for what in ill()] == ["the broker does not answer"]


def test_links_that_lead_nowhere_are_named(shop: LocalShop, web: str, settings: Any) -> None:
    ticks.run_due(at=NOON)
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": f"{web}/elsewhere"}
    assert ill() == [f"links in mails reach the shop: {web}/elsewhere/retention/health/ answers 404"]


def test_the_command_ends_with_an_error_when_something_is_ill(
    shop: LocalShop, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=r"1 of \d+ things need a hand\."):
        call_command("retention_doctor")
    told = capsys.readouterr().out
    assert "ILL   no tick has run yet" in told
    assert "retention_run --loop" in told


def test_people_of_before_whose_noes_nobody_knows_are_named_with_the_cure(shop: LocalShop, web: str) -> None:
    ticks.run_due(at=NOON)
    shop.place("A1", placed_at=LIVE - timedelta(days=1))
    tell("A1")
    [found] = [finding for finding in doctor.examine(at=NOON) if not finding.well]
    assert found.what == "earlier unsubscribes are not imported: news to people of before waits"
    assert "retention_import_consents" in found.cure
    installation.settle_consents(by="mia", at=NOON)
    assert ill() == []
