"""Gifts, challenges and giving on a phone, without scripts: read, joined by keyboard, and by the standards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from loyalty.models import Cause, Challenge, Participation
from loyalty.services import causes
from retention.services import customers
from retention.testing.clock import Clock
from tests.browser import phones
from tests.browser.test_codes import NARROW, STANDARDS, strictly
from tests.loyalty.gifts import challenge, plan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN = "/admin/retention_loyalty/"
WIDE = {"width": 1200, "height": 900}


@pytest.fixture
def grace(live_server: Any) -> Client:
    """Signed in; staff, and a shopper with something of everything."""
    start = timezone.now() - timedelta(days=1)
    plan(5, at=start)
    plan(2, at=start, thing="A postcard", surprise=True)
    challenge(Clock(timezone.now()))
    forest = Cause.objects.create(name="Forest", show_total=True, url="https://forest.example/")
    causes.pledge(forest, currency="EUR", at=start, amount_minor=50)
    user = get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password")
    customers.for_user(user, at=start)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(params=[False, True], ids=["plain", "scripted"])
def phone(request: pytest.FixtureRequest, chromium: Browser, live_server: Any, grace: Client) -> Iterator[Page]:
    """Grace's phone, with and without scripts."""
    with phones.phone(chromium, live_server, grace, scripts=request.param) as page:
        yield page


def test_a_challenge_is_joined_by_keyboard(phone: Page) -> None:
    phone.goto("/retention/account/")
    expect(phone.get_by_text("5 more orders to your gift.")).to_be_visible()
    expect(phone.get_by_role("progressbar", name="5 more orders to your gift.")).to_be_visible()
    phone.get_by_role("button", name="Take part: Three in a month").focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status").filter(has_text="You take part.")).to_be_visible()
    expect(phone.get_by_role("progressbar", name="0 of 3 orders.")).to_be_visible()
    assert Participation.objects.count() == 1


def test_the_pages_keep_the_standards(chromium: Browser, live_server: Any, grace: Client) -> None:
    made = Challenge.objects.get()
    with phones.phone(chromium, live_server, grace) as page:
        page.route("**/retention/account/", strictly)
        for path, part in (
            ("/retention/account/", ".retention-section"),
            (f"{ADMIN}giftplan/add/", "#content"),
            (f"{ADMIN}challenge/{made.pk}/change/", "#content"),
            (f"{ADMIN}cause/add/", "#content"),
            (f"{ADMIN}payout/add/", "#content"),
        ):
            # stock admin scrolls its tables sideways on a phone, where the keyboard does not reach them
            page.set_viewport_size(WIDE if path.startswith(ADMIN) else NARROW)  # type: ignore[arg-type]
            page.goto(path)
            found = Axe().run(page, context=part, options={"runOnly": STANDARDS})
            assert found.violations_count == 0, (path, found.generate_report())
