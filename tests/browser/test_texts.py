"""Texts in admin as staff see them: values suggested, previews that nothing runs in, by keyboard and at 320 px."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Frame, Page

from retention.models import Text

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/retention/text/add/?mail=campaigns.welcome&language=en"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SHOTS = os.environ.get("SHOTS")
"""A folder for pictures of the pages, for who wants to look."""


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


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def answer(page: Page, button: str) -> Frame:
    """Press a button by keyboard; return the page that comes into the frame when it is announced."""
    status = page.locator("[data-texts-status]")
    status.evaluate("element => { element.textContent = '' }")
    page.get_by_role("button", name=button).press("Enter")
    status.get_by_text("The answer is below.").wait_for(state="attached")
    frame = page.frame("retention-answer")
    assert frame is not None
    frame.locator("h1").wait_for()
    return frame


def mail_in(frame: Frame, which: int = 0) -> Frame:
    """Return the mail within the answer: 0 narrow, 1 wide."""
    return frame.child_frames[which]


def test_a_preview_shows_the_unsaved_text_narrow_and_wide_and_runs_no_script(staff: Callable[..., Page]) -> None:
    page = staff()
    page.goto(ADD)
    hostile = (
        "<script>document.body.innerHTML = 'ran'</script><img src=x onerror=\"document.title = 'ran'\" alt='' width=9>"
    )
    page.get_by_label("HTML").fill(f"<h1 class=heading>Hello {{{{ first_name }}}}</h1>{hostile}{{{{ coupon_block }}}}")
    frame = answer(page, "Preview")
    narrow, wide = mail_in(frame, 0), mail_in(frame, 1)
    for part in (narrow, wide):
        assert part.locator("h1").inner_text() == "Hello Ada"
        assert "PAPER-7Q4M-KX2P" in part.locator("body").inner_text()
        assert "ran" not in (part.title(), part.locator("body").inner_text())
    assert frame.locator("iframe.narrow").bounding_box()["width"] == 322  # type: ignore[index]
    assert Text.objects.count() == 0
    shoot(page, "preview-light")


def test_dark_is_dark_and_light_is_light_whatever_the_reader_prefers(staff: Callable[..., Page]) -> None:
    for prefers in ("dark", "light"):
        page = staff(color_scheme=prefers)
        page.goto(ADD)
        colors = {}
        for wanted in ("light", "dark"):
            page.get_by_label("Colors").select_option(wanted)
            card = mail_in(answer(page, "Preview")).locator(".card")
            colors[wanted] = card.evaluate("element => getComputedStyle(element).backgroundColor")
            shoot(page, f"preview-{wanted}-for-{prefers}")
        assert colors == {"light": "rgb(255, 255, 255)", "dark": "rgb(35, 33, 30)"}


def test_two_braces_suggest_values_and_the_keyboard_chooses(staff: Callable[..., Page]) -> None:
    page = staff()
    page.goto(ADD)
    field = page.get_by_label("Subject")
    field.fill("")
    field.press_sequentially("For {{ first")
    options = page.locator(".retention-suggestions").get_by_role("option")
    assert options.all_inner_texts() == ["first_namethe first name; empty for who has not told it"]
    assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    field.press("Enter")
    assert field.input_value() == "For {{ first_name }}"
    assert options.count() == 0
    field.press_sequentially(" {{ coupon")
    assert options.count() == 0, "a block is no part of a subject"
    html = page.get_by_label("HTML")
    html.fill("")
    html.press_sequentially("{{ _block")
    assert [text.partition("_block")[0] for text in options.all_inner_texts()] == [
        "coupon", "products", "companions", "points",
    ]  # fmt: skip
    shoot(page, "suggestions")
    html.press("ArrowDown")
    html.press("Escape")
    assert options.count() == 0
    assert html.input_value() == "{{ _block"
    html.press("Backspace")
    html.press("ArrowDown")
    html.press("Tab")
    assert html.input_value() == "{% if products %}\n{{ products_block }}\n{% endif %}"
    html.fill("")
    page.get_by_role("button", name="Put in shop.name").click()
    assert html.input_value() == "{{ shop.name }}"


def test_without_a_script_the_values_are_a_list_and_everything_works(staff: Callable[..., Page]) -> None:
    page = staff(java_script_enabled=False)
    page.goto(ADD)
    assert page.locator("[data-value=gives] td").all_inner_texts()[:2] == [
        "{{ gives }}", "what comes off, e.g. “10% off”",
    ]  # fmt: skip
    assert page.get_by_role("button", name="Put in", exact=False).count() == 0
    page.get_by_label("Subject").fill("Hello {{ nobody }}")
    page.get_by_role("button", name="Preview").press("Enter")
    frame = page.frame("retention-answer")
    assert frame is not None
    said = frame.get_by_text("This mail has no value “nobody”.", exact=False)
    said.wait_for()
    assert said.inner_text() == (
        "Subject: Line 1: This mail has no value “nobody”. The list of values says what it has."
    )
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    page.get_by_text("Please correct the error below.").wait_for()
    assert page.get_by_label("Subject").get_attribute("aria-invalid") == "true"
    shoot(page, "error")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_the_pages_of_texts_are_accessible(staff: Callable[..., Page], width: int, colors: str) -> None:
    page = staff(viewport={"width": width, "height": 900}, color_scheme=colors)
    rules = {"runOnly": {"type": "tag", "values": STANDARDS}}
    page.goto("/admin/retention/text/mails/")
    assert Axe().run(page, context="#content", options=rules).violations_count == 0
    shoot(page, f"mails-{width}-{colors}")
    page.goto(ADD)
    found = Axe().run(page, context="[data-texts]", options=rules)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_label("HTML").fill(
        "<h1 class=heading>New cups</h1><img src='/x.png'>{{ companions_block }}{{ points_block }}{{ coupon_block }}"
    )
    page.get_by_label("Colors").select_option(colors)
    answer(page, "Preview")
    shoot(page, f"form-{width}-{colors}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
