"""A person with a mail and a browser: choosing which mail to get by keyboard alone, without scripts, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from retention import links
from retention.models import Consent, Customer, Preference, TopicChoice
from retention.services import consent, customers
from tests.browser.test_codes import NARROW, POLICY, STANDARDS, strictly
from tests.retention.choosing import topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

assert "'unsafe-inline'" not in POLICY


@pytest.fixture(autouse=True)
def site(live_server: Any, settings: Any) -> str:
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": live_server.url}
    return str(live_server.url)


@pytest.fixture
def ada(site: str) -> Customer:
    """Gets the shop's mail, and there are two topics."""
    topic("news", position=1, en="News from the kiln")
    topic("workshops", position=2, en="Workshops and open days")
    person = customers.for_guest("ada@example.com", at=timezone.now())
    consent.grant(person, purpose="marketing", basis="soft_opt_in", source="test", at=timezone.now())
    return person


@pytest.fixture
def plain(chromium: Browser, site: str) -> Iterator[Page]:
    """A phone without scripts and without a mouse."""
    with chromium.new_context(
        base_url=site,
        java_script_enabled=False,
        viewport=NARROW,
        locale="en",  # type: ignore[arg-type]
    ) as context:
        yield context.new_page()


def url(customer: Customer, page: str = "preferences") -> str:
    leave = links.unsubscribe_url(customer=customer.pk, purpose="marketing")
    return links.preferences_url(leave) if page == "preferences" else leave


def walk_to(page: Page, name: str, role: str = "button", *, most: int = 40) -> None:
    """Press Tab until the focus is on this control."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    for _ in range(most):
        page.keyboard.press("Tab")
        try:
            expect(wanted).to_be_focused(timeout=50)
        except AssertionError:
            continue
        return
    raise AssertionError(f"Tab never comes to {name!r}")


def test_by_keyboard_alone_and_without_scripts_a_choice_is_saved_and_undone(ada: Customer, plain: Page) -> None:
    plain.goto(url(ada))
    walk_to(plain, "Workshops and open days", "checkbox")
    plain.keyboard.press("Space")
    walk_to(plain, "Whenever there is something", "radio")
    plain.keyboard.press("ArrowDown")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("status")).to_have_text("Saved.")
    assert TopicChoice.objects.get().topic.slug == "workshops"
    assert Preference.objects.get().every_days == 7
    expect(plain.get_by_role("radio", name="Once a week")).to_be_checked()
    walk_to(plain, "Undo")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("status")).to_have_text("Undone. It is as it was before.")
    assert TopicChoice.objects.count() == Preference.objects.count() == 0
    expect(plain.get_by_role("checkbox", name="Workshops and open days")).to_be_checked()


def test_all_off_is_one_press_and_so_is_its_undo(ada: Customer, plain: Page) -> None:
    plain.goto(url(ada))
    walk_to(plain, "Stop all mail")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("status")).to_have_text("Done. You get no more such mail from us.")
    assert set(Consent.objects.values_list("purpose", "granted")) == {("marketing", False), ("survey", False)}
    walk_to(plain, "Undo")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("status")).to_have_text("Undone. It is as it was before.")
    assert list(Consent.objects.values_list("purpose", "granted", "basis")) == [("marketing", True, "soft_opt_in")]


def test_from_leaving_one_comes_to_choosing(ada: Customer, plain: Page) -> None:
    plain.goto(url(ada, "leave"))
    walk_to(plain, "Choose what you get", "link")
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("heading", level=1)).to_have_text("Your mail from Paper & Clay")


def test_the_pages_hold_to_the_standard_fit_a_phone_and_run_under_a_strict_policy(
    ada: Customer, chromium: Browser, site: str, client: Any, settings: Any, fake_shop: Any
) -> None:
    complaints: list[str] = []
    client.force_login(get_user_model().objects.create_user("ben", "ben@example.com", "a long password"))
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": site}
    with chromium.new_context(base_url=site, viewport=NARROW, locale="en") as context:  # type: ignore[arg-type]
        context.add_cookies([{**cookie, "url": site}])  # type: ignore[list-item]
        context.route("**/*", strictly)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)

        def look(where: str) -> None:
            assert complaints == [], where
            found = Axe().run(page, options={"runOnly": STANDARDS})
            complaints.clear()  # it writes styles into the page to measure it
            assert found.violations_count == 0, (where, found.generate_report())
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], where
            small = page.evaluate(SMALL)
            assert small == [], where

        page.goto(url(ada))
        look("choosing")
        page.get_by_role("button", name="Save and pause for 30 days").click()
        look("paused")
        page.evaluate("document.querySelectorAll('[name=every_days]').forEach(one => one.value = 'x')")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("Please choose how often.")
        look("a mistake")
        page.goto(url(ada, "leave"))
        look("leaving")
        page.get_by_role("button", name="Unsubscribe").click()
        look("left")
        page.goto("/retention/signup/?topic=news")
        look("signing up")
        page.get_by_label("Your e-mail address").fill("ada@")
        page.get_by_role("button", name="Sign up").press("Enter")
        look("signing up, filled in")
        page.goto("/retention/account/")
        look("a question")
        page.get_by_label("Month").select_option("2")
        page.get_by_label("Day", exact=True).fill("30")
        page.get_by_role("button", name="Send my answer").click()
        expect(page.get_by_role("alert")).to_have_text("February has no day 30. Please look again.")
        look("a question, with a mistake")
        page.goto("/retention/account/mail/")
        look("the member's own")


SMALL = """
[...document.querySelectorAll('.retention-page button, .retention-page input:not([type=hidden]), select')]
  .filter(one => !one.closest('.retention-trap'))
  .map(one => one.closest('label') || one).map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([_, box]) => box.width < 24 || box.height < 24).map(([html, _]) => html)
"""
"""What is smaller than a finger: 24 px."""


def test_a_pause_says_until_when(ada: Customer, plain: Page) -> None:
    plain.goto(url(ada))
    walk_to(plain, "Save and pause for 30 days")
    plain.keyboard.press("Enter")
    expect(plain.get_by_text("Paused until")).to_be_visible()
    until = Preference.objects.get().paused_until
    assert until is not None
    assert timedelta(days=29) < until - timezone.now() < timedelta(days=31)
