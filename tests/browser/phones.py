"""A phone of somebody who is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from tests.browser.test_codes import NARROW


@contextmanager
def phone(chromium: Browser, live_server: Any, who: Client, *, scripts: bool = True) -> Iterator[Page]:
    """Open a page 320 px wide. ``who``: a client that is signed in. ``scripts``: whether it runs any."""
    options: dict[str, Any] = {"viewport": NARROW, "locale": "en"}
    with chromium.new_context(base_url=live_server.url, java_script_enabled=scripts, **options) as context:
        session = who.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        yield context.new_page()
