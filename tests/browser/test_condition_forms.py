"""Conditions in admin, with a script and without: what is asked is what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from campaigns.models import Segment
from tests.campaigns.crowd import segment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/retention_campaigns/segment/add/"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def staff(chromium: Browser, live_server: Any, admin_client: Client) -> Iterator[Callable[..., Page]]:
    """Open a page for a member of staff who is signed in; keyword arguments are the browser's."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        session = admin_client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def asked(page: Page) -> list[str]:
    """Return the legends of the fieldsets that can be seen."""
    return page.locator(".campaigns-condition fieldset:visible legend").all_inner_texts()


def test_a_row_added_by_hand_shows_the_questions_of_what_is_chosen(staff: Callable[..., Page]) -> None:
    page = staff()
    page.goto(ADD)
    page.get_by_label("Name", exact=False).first.fill("Dormant")
    assert asked(page) == []
    page.get_by_text("Add another Rule").click()
    assert asked(page) == []
    page.locator("#id_rules-0-condition").select_option("retention.ordered_since")
    assert asked(page) == ["has ordered lately"]
    page.locator("#id_rules-0-condition").select_option("campaigns.not_ordered_for")
    assert asked(page) == ["has ordered before, but not for some days"]
    page.get_by_text("Add another Rule").click()
    page.locator("#id_rules-1-condition").select_option("retention.spent")
    assert asked(page) == ["has ordered before, but not for some days", "has spent"]
    page.locator("#rules-0").get_by_label("days without an order").fill("90")
    page.locator("#rules-1").get_by_label("at least").locator("visible=true").fill("50")
    page.locator("#rules-1").get_by_label("currency").fill("EUR")
    page.locator("[name=_save]").click()
    said = page.locator("#content").inner_text()
    assert "Who ordered last at least 90 days ago and has spent at least €50.00." in said
    page.get_by_role("button", name="Save").click()
    assert list(Segment.objects.get().rules.order_by("pk").values_list("name", "parameters")) == [
        ("campaigns.not_ordered_for", {"days": 90}),
        ("retention.spent", {"amount": "50", "currency": "EUR"}),
    ]


def test_without_a_script_everything_is_asked_and_only_the_chosen_is_read(staff: Callable[..., Page]) -> None:
    row = segment("dormant", ("campaigns.not_ordered_for", {"days": 90}))
    page = staff(java_script_enabled=False)
    page.goto(f"/admin/retention_campaigns/segment/{row.pk}/change/")
    fieldsets = page.locator("#rules-0 .campaigns-condition fieldset")
    assert fieldsets.count() > 10
    page.locator("#id_rules-0-condition").select_option("campaigns.nth_order")
    page.locator("[name='rules-0-condition-campaigns.nth_order-n']").fill("2")
    page.locator("[name='rules-0-condition-retention.ordered_since-days']").fill("7")
    page.locator("[name=_save]").click()
    page.get_by_role("button", name="Save").click()
    assert row.rules.values_list("name", "parameters").get() == ("campaigns.nth_order", {"n": 2})


def test_what_is_wrong_is_shown_at_its_question_and_nothing_else_opens(staff: Callable[..., Page]) -> None:
    row = segment("dormant", ("campaigns.not_ordered_for", {"days": 90}))
    page = staff()
    page.goto(f"/admin/retention_campaigns/segment/{row.pk}/change/")
    page.locator("#id_rules-0-condition").select_option("retention.country")
    page.locator("[name=_save]").click()
    page.get_by_text("Please correct the error below.").wait_for()
    assert asked(page) == ["is from a country"]
    country = page.locator("[name='rules-0-condition-retention.country-country']")
    assert (country.input_value(), country.get_attribute("aria-invalid")) == ("", "true")
    assert page.locator(f"[id='{country.get_attribute('aria-describedby')}']").inner_text() == "This field is required."


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_a_segment_are_accessible(staff: Callable[..., Page], width: int) -> None:
    row = segment("dormant", ("campaigns.not_ordered_for", {"days": 90}), ("retention.country", {"country": "DE"}))
    listed = segment("vip", kind="list")
    page = staff(viewport={"width": width, "height": 800})
    for path, part in (
        (f"{row.pk}/change/", ".campaigns-condition"),
        (f"{row.pk}/people/", "#content"),
        (f"{listed.pk}/upload/", "#content"),
    ):
        page.goto(f"/admin/retention_campaigns/segment/{path}")
        found = Axe().run(page, context=part, options={"runOnly": {"type": "tag", "values": STANDARDS}})
        assert found.violations_count == 0, found.generate_report()
