"""The whole idea seen working once, in a browser, against the demo as a merchant starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
PASSWORD = "a-good-long-phrase"
PATIENCE = 90
ASKS = re.compile("Save this order")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    """The running demo and its mailbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    def outbox(self, to: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/demo/outbox.json", timeout=30) as answer:
            return [mail for mail in json.load(answer) if mail["to"] == to]

    def mail(self, to: str, subject: str) -> dict[str, Any]:
        """Wait until the worker has sent a mail whose subject begins so."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for mail in self.outbox(to):
                if mail["subject"].startswith(subject):
                    return mail
            time.sleep(1)
        raise AssertionError(f"no mail {subject!r} to {to}: {[mail['subject'] for mail in self.outbox(to)]}")


def link(mail: dict[str, Any], part: str) -> str:
    found = re.search(rf"http\S+{part}\S*", mail["text"])
    assert found, mail["text"]
    return found.group(0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`manage.py demo`, with half a day of waiting in a second, until it says that it runs."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    wiped = {"DATABASE_URL", "REDIS_URL", "DEMO_DATA", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in wiped}
    command = [sys.executable, "manage.py", "demo", "--port", str(port), "--data", str(folder), "--speed", "43200"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 600
        while time.monotonic() < until:
            assert process.poll() is None, "the demo ended; the reason stands above"
            if healthy(url):
                break
            time.sleep(1)
        else:
            raise AssertionError("the demo did not become healthy")
        yield Demo(url)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert not left_behind(folder)


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/retention/health/", timeout=5) as answer:
            return bool(json.load(answer)["ok"])
    except OSError:
        return False


def left_behind(folder: Path) -> list[str]:
    """Return command lines of processes that still work on that folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(folder) in line.read_text(errors="replace"):
                found.append((line.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page for a new visitor; keyword arguments are the browser's."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        contexts.append(chromium.new_context(**options))
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def accessible(page: Page, part: str) -> None:
    """No fault of WCAG 2.2 AA in our part of the page; the rest is the shop's own."""
    found = Axe().run(page, context=part, options={"runOnly": {"type": "tag", "values": STANDARDS}})
    assert found.violations_count == 0, found.generate_report()


def fits(page: Page) -> None:
    """Nothing of ours is wider than the window."""
    wide = page.evaluate(
        """() => [...document.querySelectorAll('[class^=retention-], [class^=retention-] *')]
        .filter(one => one.getBoundingClientRect().right > window.innerWidth + 1
                       && !one.closest('.retention-trap')).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert wide == []


def fill_basket(page: Page, demo: Demo, *names: str) -> None:
    for name in names:
        page.goto(f"{demo.url}/catalogue/")
        page.get_by_role("link", name=name).last.click()
        page.locator("#add_to_basket_form button[type=submit]").click()


def to_preview(page: Page, demo: Demo, email: str) -> None:
    """Go through Oscar's own checkout as a guest, up to its preview."""
    page.goto(f"{demo.url}/checkout/")
    page.locator("input[name=username]").fill(email)
    page.locator("input[value=anonymous]").check()
    page.get_by_role("button", name="Continue").last.click()
    words = {"first_name": "Ada", "last_name": "Example", "line1": "1 Street", "line4": "Town", "postcode": "10115"}
    for name, value in words.items():
        page.locator(f"input[name={name}]").fill(value)
    page.locator("select[name=country]").select_option(label="Germany")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Select option").first.click()
    page.get_by_text("Continue", exact=True).last.click()
    assert page.url.endswith("/checkout/preview/")


def buy(page: Page, demo: Demo, email: str, *, opt_out: bool = False) -> None:
    fill_basket(page, demo, "Field notebook", "Tea bowl")
    to_preview(page, demo, email)
    box = page.get_by_role("checkbox")
    assert not box.is_checked()
    if opt_out:
        box.check()
    page.locator("#place-order").click()
    assert page.url.endswith("/checkout/thank-you/")


def buy_as(email: str, demo: Demo, visit: Callable[..., Page], *, opt_out: bool = False) -> Page:
    """Return the thank-you page of a new visitor with a narrow window."""
    page = visit(viewport={"width": 320, "height": 700})
    buy(page, demo, email, opt_out=opt_out)
    return page


def quiet(page: Page, demo: Demo, visit: Callable[..., Page]) -> Page:
    """Return the same session's thank-you page without JavaScript; Oscar's own door for guests needs it."""
    silent = visit(java_script_enabled=False, storage_state=page.context.storage_state())
    silent.goto(f"{demo.url}/checkout/thank-you/")
    return silent


def test_a_guest_buys_opens_an_account_and_comes_back_with_a_coupon(demo: Demo, visit: Callable[..., Page]) -> None:
    page = visit(viewport={"width": 320, "height": 700})
    buy(page, demo, "story@example.com")
    prompt = page.get_by_role("region", name=ASKS)
    assert "60 points" in prompt.inner_text()
    accessible(page, ".retention-card")
    fits(page)

    prompt.get_by_label("Choose a password").fill(PASSWORD)
    prompt.get_by_role("button", name="Open my account").click()
    accessible(page, ".retention-page")
    page.get_by_role("link", name="Go to my account").click()
    assert page.url.endswith("/retention/account/")

    coupon = demo.mail("story@example.com", "10% off")
    assert coupon["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page.reload()
    assert "60 points" in page.locator(".retention-page").inner_text()
    accessible(page, ".retention-page")
    fits(page)

    page.goto(link(coupon, "/retention/c/"))
    accessible(page, ".retention-page")
    page.get_by_role("button", name="Use this coupon").click()
    fill_basket(page, demo, "Fountain pen")
    page.goto(f"{demo.url}/basket/")
    assert "3.90" in page.locator("#content_inner").inner_text()


def test_the_prompt_works_without_javascript_and_takes_no_for_an_answer(demo: Demo, visit: Callable[..., Page]) -> None:
    page = quiet(buy_as("quiet@example.com", demo, visit), demo, visit)
    page.get_by_role("button", name="No, thank you").click()
    assert page.url.endswith("/checkout/thank-you/")
    assert page.get_by_role("region", name=ASKS).count() == 0
    assert "Field notebook" in page.locator("body").inner_text()
    again = buy_as("Quiet@example.com", demo, visit)
    assert again.get_by_role("region", name=ASKS).count() == 0
    taken = quiet(buy_as("plain@example.com", demo, visit), demo, visit)
    taken.get_by_label("Choose a password").fill(PASSWORD)
    taken.get_by_role("button", name="Open my account").click()
    assert taken.url.endswith("/retention/account/done/")


def test_a_weak_password_is_answered_beside_its_field(demo: Demo, visit: Callable[..., Page]) -> None:
    page = buy_as("weak@example.com", demo, visit)
    page.get_by_label("Choose a password").fill("123")
    page.keyboard.press("Enter")
    page.wait_for_url("**/retention/account/open/")
    field = page.get_by_label("Choose a password")
    assert field.get_attribute("aria-invalid") == "true"
    told = (field.get_attribute("aria-describedby") or "").split()
    assert "too short" in " ".join(page.locator(f"#{name}").inner_text() for name in told)
    accessible(page, ".retention-page")
    fits(page)


def test_an_address_that_has_an_account_gets_the_same_answer(demo: Demo, visit: Callable[..., Page]) -> None:
    late = visit()
    fill_basket(late, demo, "Field notebook")
    to_preview(late, demo, "twice@example.com")  # Oscar's own door still knew of no account
    early = buy_as("twice@example.com", demo, visit)
    late.locator("#place-order").click()
    texts = []
    for page in (early, late):
        page.get_by_label("Choose a password").fill(PASSWORD)
        page.get_by_role("button", name="Open my account").click()
        assert page.url.endswith("/retention/account/done/")
        texts.append(page.locator(".retention-page").inner_text())
    assert texts[0] == texts[1]
    demo.mail("twice@example.com", "Your account at")
    late.goto(f"{demo.url}/retention/account/")
    assert "/login/" in late.url


def test_who_ticks_the_box_gets_no_marketing_mail(demo: Demo, visit: Callable[..., Page]) -> None:
    page = visit()
    buy(page, demo, "no-mail@example.com", opt_out=True)
    other = visit()
    buy(other, demo, "some-mail@example.com")
    demo.mail("some-mail@example.com", "10% off")  # ordered later, so the first one's time is over, too
    assert [mail["subject"] for mail in demo.outbox("no-mail@example.com") if "List-Unsubscribe" in mail["headers"]
            and "marketing" in mail["headers"]["List-Id"]] == []  # fmt: skip


def test_a_visitor_signs_up_confirms_and_gets_the_welcome_coupon(demo: Demo, visit: Callable[..., Page]) -> None:
    page = visit(viewport={"width": 320, "height": 700})
    page.goto(f"{demo.url}/retention/signup/")
    accessible(page, ".retention-page")
    fits(page)
    form = page.locator(".retention-page form")
    form.get_by_label("Your e-mail address").fill("new@example.com")
    form.get_by_role("button", name="Sign up").click()
    page.goto(link(demo.mail("new@example.com", "Please confirm"), "/retention/confirm/"))
    accessible(page, ".retention-page")
    page.get_by_role("button", name="Yes, write to me").click()
    welcome = demo.mail("new@example.com", "Welcome")
    assert "HELLO-" in welcome["text"]


def test_one_click_unsubscribes_and_another_undoes_it(demo: Demo, visit: Callable[..., Page]) -> None:
    page = visit(viewport={"width": 320, "height": 700})
    buy(page, demo, "leaver@example.com")
    address = demo.mail("leaver@example.com", "10% off")["headers"]["List-Unsubscribe"].strip("<>")
    page.goto(address)
    accessible(page, ".retention-page")
    page.get_by_role("button", name="Unsubscribe").click()
    assert page.get_by_role("status").inner_text() == "Done"
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_role("status").inner_text() == "Undone"


def test_a_low_score_becomes_a_case_one_click_from_the_customer(demo: Demo, visit: Callable[..., Page]) -> None:
    page = visit(viewport={"width": 320, "height": 700})
    buy(page, demo, "unhappy@example.com")
    page.goto(link(demo.mail("unhappy@example.com", "One question"), "/2/"))
    assert page.get_by_role("radio", name="2").is_checked()
    accessible(page, ".retention-page")
    fits(page)
    page.get_by_label("Would you like to tell us why?").fill("The parcel came late.")
    page.get_by_role("button", name="Send my answer").click()
    assert "Thank you" in page.locator(".retention-page").inner_text()

    staff = visit(viewport={"width": 1200, "height": 900})
    staff.goto(f"{demo.url}/admin/login/?next=/admin/retention/customer/%3Fq%3Dunhappy@example.com")
    staff.locator("input[name=username]").fill("staff@example.com")
    staff.locator("input[name=password]").fill("letters-and-clay")
    staff.locator("input[type=submit]").click()
    staff.get_by_role("link", name=re.compile("unhappy@example.com")).click()
    for title in ("Orders", "Messages", "Consent", "Coupons", "Surveys"):
        assert staff.get_by_role("heading", name=title, exact=True).count() == 1
    customer = staff.url.partition("?")[0]
    case = staff.get_by_role("link", name=re.compile(r"^case \d+$"))
    until = time.monotonic() + PATIENCE
    while case.count() == 0 and time.monotonic() < until:
        time.sleep(2)
        staff.reload()
    case.click()
    staff.locator(f"a[href='{customer.removeprefix(demo.url)}']").first.click()
    assert staff.url.partition("?")[0] == customer

    staff.goto(f"{demo.url}/admin/retention/installation/")
    staff.get_by_role("button", name="Pause all sending").click()
    assert "All sending is paused" in staff.locator("#content").inner_text()
    staff.get_by_role("button", name="Let mail go out again").click()
    assert "Mail goes out." in staff.locator("#content").inner_text()
