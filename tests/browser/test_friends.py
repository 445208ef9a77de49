"""Friends and paid membership in a browser: small screens, the keyboard, a strict policy, what is announced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import Referral
from retention.services import installation
from retention.testing.shop import FakeShop
from tests.loyalty import club, friends, till

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = [{"width": 320, "height": 800}, {"width": 1200, "height": 900}]

Visit = Callable[[Any], Page]


@pytest.fixture
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.clock.now = timezone.now()
    installation.go_live(at=fake_shop.clock.now - timedelta(days=365))
    return fake_shop


@pytest.fixture
def visit(chromium: Browser, live_server: Any, settings: Any, client: Any, shop: FakeShop) -> Iterator[Visit]:
    """Return a page for a visitor, signed in as a user or as nobody; what the browser complains of is a failure."""
    settings.RETENTION = {
        **settings.RETENTION, "BASE_URL": live_server.url, "PAGE_LAYOUT": "retention/layout.html"
    }  # fmt: skip
    complaints: list[str] = []
    contexts = []

    def strictly(route: Route) -> None:
        if route.request.method != "GET":
            route.continue_()  # what answers it is a redirect, which only the browser follows as it should
            return
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": POLICY})

    def listen(message: ConsoleMessage) -> None:
        harmless = ("favicon", "status of 422", "status of 404")
        if message.type == "error" and not any(word in f"{message.location} {message.text}" for word in harmless):
            complaints.append(message.text)

    def make(user: Any = None) -> Page:
        context = chromium.new_context(base_url=live_server.url)
        contexts.append(context)
        if user is not None:
            client.force_login(user)
            value = client.cookies[settings.SESSION_COOKIE_NAME].value
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
        context.route("**/*", strictly)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.unroute_all(behavior="ignoreErrors")
        context.close()
    assert complaints == []


def look(page: Page, name: str) -> None:
    """The page is for everybody, and nothing of it stands beyond a small screen."""
    for size in WIDTHS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found = Axe().run(page, options={"runOnly": STANDARDS})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    page.set_viewport_size(WIDTHS[0])  # type: ignore[arg-type]


def promise() -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, first_order_only=True)
    friends.terms(friend_offer=offers.create(slug="friend", name="Welcome", terms=ten, at=timezone.now()))


def test_a_friend_takes_the_link_by_keyboard_on_a_small_screen(visit: Visit) -> None:
    promise()
    code = friends.code(friends.member(first_name="Ada"))
    page = visit(None)
    page.goto(f"/retention/r/{code}/")
    look(page, "link")
    button = page.get_by_role("button", name="Take it and look around")
    assert button.bounding_box()["height"] >= 24  # type: ignore[index]
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/r/" not in url)
    page.goto("/retention/r/NOBODYS222/")
    look(page, "unknown")
    page.get_by_role("link", name="Type a code").click()
    look(page, "enter")
    page.get_by_label("The code that your friend told you").fill(code.lower())
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile(f"/retention/r/{code}/$"))


def test_ones_own_link_says_so_and_is_announced(visit: Visit) -> None:
    promise()
    ada = friends.member()
    page = visit(ada)
    page.goto(f"/retention/r/{friends.code(ada)}/")
    page.get_by_role("button", name="Take it and look around").click()
    expect(page.get_by_role("alert")).to_have_text("This is your own link: send it to a friend.")
    look(page, "own")


def test_the_members_page_copies_the_link_and_says_so(visit: Visit, shop: FakeShop) -> None:
    promise()
    ada = friends.member(first_name="Ada")
    page = visit(ada)
    page.goto("/retention/account/")
    look(page, "empty")
    page.get_by_role("button", name="Get my link").click()
    code = friends.code(ada)
    for number, state in enumerate(["waiting", "rewarded", "lost", "no"]):
        Referral.objects.create(
            order=f"F{number}", code=code, referrer=till.who(ada), state=state, at=shop.clock.now,
            slot_month=shop.clock.now.date(), slot_in_month=number + 1, slot_ever=number + 1,
        )  # fmt: skip
    plan = club.plan(shop, free_shipping=club.shipping(), multiplier=2)
    club.buy(shop, plan, ada)
    club.work(shop.clock.now)
    page.goto("/retention/account/")
    look(page, "account")
    page.get_by_role("button", name="Copy my link").click()
    expect(page.locator("#copied-referral")).not_to_be_empty()
    page.get_by_role("button", name="Say my first name").click()
    expect(page.get_by_text("The page that it opens says your first name.")).to_be_visible()
    expect(page.get_by_text("You are a member until")).to_be_visible()


def test_staff_decide_and_give_in_plain_forms(visit: Visit, shop: FakeShop) -> None:
    promise()
    ada = friends.member("a.da@gmail.com")
    club.plan(shop)
    one = friends.of(friends.order(shop, friends.code(ada), "ada@gmail.com"))
    page = visit(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    page.set_viewport_size(WIDTHS[1])  # type: ignore[arg-type]
    for path in (
        "referral/?review__exact=open", f"referral/{one.pk}/change/", "plan/add/",
        f"paidterm/grant/{till.who(ada).pk}/", "referralterms/add/",
    ):  # fmt: skip
        answer = page.goto(f"/admin/retention_loyalty/{path}")
        assert answer is not None
        assert answer.ok
    page.goto(f"/admin/retention_loyalty/referral/{one.pk}/decide/")
    page.get_by_label("Decline: never rewarded").check()
    page.get_by_label("Reason").fill("One household")
    page.get_by_role("button", name="Keep this decision").click()
    page.wait_for_url(lambda url: url.endswith("/referral/?review__exact=open"))
    one.refresh_from_db()
    assert (one.state, one.review_reason) == ("declined", "One household")
