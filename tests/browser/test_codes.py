"""Staff at the pages of codes, in a browser that runs nothing but our own files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from campaigns.models import Coupon, CouponBatch
from campaigns.services import batches
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import amount, give, make_offer, percentage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = {"width": 320, "height": 800}


def strictly(route: Route) -> None:
    """Let an answer come with a policy that forbids whatever stands in the page itself."""
    answer = route.fetch()
    route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": POLICY})


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of."""
    return []


@pytest.fixture
def staff(
    chromium: Browser, live_server: Any, fake_shop: FakeShop, settings: Any, client: Any, complaints: list[str]
) -> Iterator[Page]:
    """A page of somebody who may do everything, under a strict policy; what it complains of is a failure."""
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": live_server.url}
    user = get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password")
    client.force_login(user)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in message.location.get("url", ""):
            complaints.append(f"{message.location.get('url')}: {message.text}")

    with chromium.new_context(base_url=live_server.url) as context:
        context.add_cookies([{**cookie, "url": live_server.url}])  # type: ignore[list-item]
        context.route("**/*", strictly)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


def start(count: int = 250) -> CouponBatch:
    return batches.start(make_offer(prefix="LEAF"), name="leaflet", count=count, at=timezone.now())


def change(batch: CouponBatch) -> str:
    return f"/admin/retention_campaigns/couponbatch/{batch.pk}/change/"


def test_the_bar_moves_while_codes_are_made_and_the_page_says_when_they_are(staff: Page) -> None:
    batch = start()
    staff.goto(change(batch))
    expect(staff.get_by_role("status")).to_have_text("Being made: 0 of 250 codes (0%).")
    batches.carry_on(at=timezone.now(), most=80)
    expect(staff.get_by_role("status")).to_have_text("Being made: 80 of 250 codes (32%).")
    expect(staff.get_by_role("progressbar")).to_have_attribute("max", "250")
    assert staff.get_by_role("progressbar").evaluate("bar => bar.value") == 80
    while batches.carry_on(at=timezone.now()):
        pass
    expect(staff.get_by_role("status")).to_have_text("All made: 250 of 250 codes (100%).")
    expect(staff.get_by_role("button", name="Download as CSV")).to_be_visible()


def test_without_scripts_the_page_says_it_when_it_is_loaded_again(
    chromium: Browser, live_server: Any, fake_shop: FakeShop, staff: Page
) -> None:
    batch = start()
    with chromium.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(staff.context.cookies())  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(change(batch))
        batches.carry_on(at=timezone.now(), most=80)
        page.get_by_role("link", name="Look again").click()
        expect(page.get_by_role("status")).to_have_text("Being made: 80 of 250 codes (32%).")


def test_the_pages_hold_to_the_standard_and_fit_a_narrow_screen(staff: Page, complaints: list[str]) -> None:
    batch = start(3)
    batches.carry_on(at=timezone.now())
    offer = make_offer(amount(("EUR", 500, 3000)), slug="fiver")
    expired = give(make_offer(percentage(valid_days=1), slug="old"), at=timezone.now() - timedelta(days=9))
    coupons = "/admin/retention_campaigns/coupon/"
    why = f"{coupons}why/?code={expired.code}&customer={expired.customer_id}"
    staff.set_viewport_size(NARROW)  # type: ignore[arg-type]
    for url in (
        change(batch),
        "/admin/retention_campaigns/couponbatch/add/",
        f"{coupons}share/{offer.pk}/",
        f"{coupons}why/",
        why,
    ):
        staff.goto(url)
        look_at(staff, url, complaints)
    staff.goto(f"{coupons}share/{offer.pk}/")
    staff.get_by_label("Code:").fill("Spring 24")
    staff.get_by_label("Uses in all:").fill("200")
    staff.get_by_role("button", name="Look at it first").click()
    expect(staff.get_by_text("They can cost at most 200 × €5.00 = €1,000.00.")).to_be_visible()
    look_at(staff, "the warning", complaints)
    staff.goto(why)
    staff.get_by_role("button", name="Give it another last day.").click()
    expect(staff.get_by_label("New last day:")).to_be_visible()
    look_at(staff, "the action", complaints)
    staff.goto(f"{coupons}{Coupon.objects.order_by('pk')[0].pk}/change/")
    expect(staff.get_by_alt_text("QR code of")).to_be_visible()
    assert staff.get_by_alt_text("QR code of").evaluate("img => img.naturalWidth") > 0


def look_at(page: Page, where: str, complaints: list[str]) -> None:
    assert complaints == [], where
    found = Axe().run(page, context="#content", options={"runOnly": STANDARDS})
    complaints.clear()  # it writes styles into the page to measure it
    assert found.violations_count == 0, (where, found.generate_report())
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], where


def test_a_sheet_of_sixty_is_one_page_of_paper(staff: Page) -> None:
    batch = start(61)
    batches.carry_on(at=timezone.now())
    staff.goto(f"/admin/retention_campaigns/couponbatch/{batch.pk}/sheet/")
    assert staff.locator("figure svg").count() == 60
    pdf = staff.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page>") == 1
