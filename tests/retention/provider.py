"""A mail provider's HTTP door on the loopback, for Anymail's Postmark backend: answers what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from retention.contrib.anymail import receivers

HANG_UP = (0, "")


class Provider:
    """``answers`` are given in turn, then good ones; what was asked is in ``taken``."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.taken: list[dict[str, Any]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.taken.append(body)
                number = len(provider.taken)
                good = {"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{number}", "To": body["To"]}
                status, words = provider.answers.pop(0) if provider.answers else (200, json.dumps(good))
                if not status:
                    self.connection.close()
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(words.encode())

            def log_message(self, *args: Any) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def heard() -> Iterator[None]:
    """Our app for Anymail is installed."""
    receivers.connect()
    yield
    receivers.pre_send.disconnect(dispatch_uid="retention_anymail.name_it")
    receivers.tracking.disconnect(dispatch_uid="retention_anymail.hear")


@pytest.fixture
def provider(settings: Any, heard: None) -> Iterator[Provider]:
    """The shop sends by a provider, and the provider tells by webhooks that are signed with a secret."""
    door = Provider()
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "token",
        "POSTMARK_API_URL": door.url,
        "WEBHOOK_SECRET": "shop:secret",
        "REQUESTS_TIMEOUT": 10,
    }
    settings.ROOT_URLCONF = "tests.retention.anymail_urls"
    yield door
    door.close()
