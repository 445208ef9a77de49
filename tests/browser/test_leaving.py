"""Leaving the programme and coming back on a phone, without scripts, by keyboard, and by the standards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from loyalty.models import Absence
from loyalty.services import points
from tests.browser import phones
from tests.browser.test_codes import NARROW, STANDARDS
from tests.loyalty.till import join, start, who

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(live_server: Any) -> Client:
    """Signed in, with 340 points."""
    start()
    user = join()
    points.grant([("gift", who(user).pk, "")], points=340, source="test", at=timezone.now())
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(params=[False, True], ids=["plain", "scripted"])
def phone(request: pytest.FixtureRequest, chromium: Browser, live_server: Any, ada: Client) -> Iterator[Page]:
    """Ada's phone, with and without scripts."""
    with phones.phone(chromium, live_server, ada, scripts=request.param) as page:
        yield page


def test_one_press_leaves_and_one_press_comes_back(phone: Page) -> None:
    phone.goto("/retention/account/")
    expect(phone.get_by_text("Your account, your orders and your coupons stay.")).to_be_visible()
    phone.get_by_role("button", name="Leave the programme").focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status").filter(has_text="You have left the programme.")).to_be_visible()
    expect(phone.get_by_text("What stands: 340 points.")).to_be_visible()
    expect(phone.get_by_role("heading", name="Your points")).to_have_count(0)
    phone.get_by_role("button", name="Come back").focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status").filter(has_text="You are in the programme.")).to_be_visible()
    expect(phone.get_by_role("heading", name="Your points")).to_be_visible()
    assert Absence.objects.exclude(returned_at=None).count() == 1


@pytest.mark.parametrize("phone", [True], indirect=True)
def test_the_page_keeps_the_standards_before_and_after(phone: Page) -> None:
    phone.goto("/retention/account/")
    for button in ("Leave the programme", "Come back"):
        found = Axe().run(phone, options={"runOnly": STANDARDS})
        assert found.violations_count == 0, found.generate_report()
        assert phone.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        box = phone.get_by_role("button", name=button).bounding_box()
        assert box is not None
        assert box["height"] >= 24
        phone.get_by_role("button", name=button).click()
