"""Leaving and coming back on the shopper's page: one press each, in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from loyalty import conditions, mail_parts, panels
from loyalty.models import Absence, Account
from loyalty.services import forfeits, leaving, persons
from retention.mail import Asked
from retention.models import Customer
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, join, start, table, who

Drain = Callable[[datetime], None]

LEAVE, BACK = "/retention/programme/leave/", "/retention/programme/return/"


@pytest.fixture
def user(shop: FakeShop, clock: Clock, drain: Drain) -> Any:
    """Ada, with 340 points and Gold."""
    start(worth="0.01")
    table(("Gold", 10000))
    found = join()
    shop.place(user=found, total=Decimal("340.00"), at=clock.now)
    drain(clock.now)
    return found


@pytest.fixture
def page(user: Any, clock: Clock) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, clock: Clock, path: str = "/retention/account/") -> str:
    with time_machine.travel(clock.now, tick=False):
        answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def press(client: Client, path: str, clock: Clock, drain: Drain) -> str:
    """Press a button; return the page that follows."""
    with time_machine.travel(clock.now, tick=False):
        answer = client.post(path)
    assert (answer.status_code, answer["Location"]) == (302, "/retention/account/")
    drain(clock.now)
    return text(client, clock)


def test_the_page_says_what_leaving_means_before_the_button(page: Client, clock: Clock) -> None:
    shown = text(page, clock)
    assert "Nothing is earned or spent any more, and there is no tier" in shown
    assert "They are gone after 30 days; if you come back before that, they are as they were" in shown
    assert "Your account, your orders and your coupons stay. Leave the programme" in shown


def test_one_press_leaves_and_one_press_comes_back(page: Client, user: Any, clock: Clock, drain: Drain) -> None:
    shown = press(page, LEAVE, clock.forward(seconds=1) and clock, drain)
    assert "You have left the programme. " in shown
    assert "Since March 2, 2026 nothing is earned or spent." in shown
    assert "What stands: 340 points. If you come back before April 1, 2026" in shown
    for other in ("Your points", "Your tier", "History", "Rewards"):
        assert other not in shown
    shown = press(page, BACK, clock.forward(days=29) and clock, drain)
    assert "You are in the programme." in shown
    assert "340 points worth €3.40" in shown
    assert "You are Gold" in shown
    assert account(user) == (340, 0)


def test_after_the_time_is_over_the_page_says_so(page: Client, clock: Clock, drain: Drain) -> None:
    press(page, LEAVE, clock.forward(seconds=1) and clock, drain)
    clock.forward(days=30)
    assert "The points that you had are gone. Come back" in text(page, clock)
    forfeits.write_off_due(at=clock.now)
    assert "The points that you had are gone. Come back" in text(page, clock)
    shown = press(page, BACK, clock, drain)
    assert "Order 1001, given up after you left −340 0" in shown


def test_both_buttons_weigh_the_same_and_a_get_changes_nothing(
    page: Client, user: Any, clock: Clock, drain: Drain
) -> None:
    buttons = []
    for path in (LEAVE, BACK):
        html = page.get("/retention/account/").content.decode()
        [form] = re.findall(rf'<form[^>]*action="{path}".*?</form>', html, re.S)
        assert "csrfmiddlewaretoken" in form
        assert "checkbox" not in form
        buttons += re.findall(r'<button class="([^"]*)"', form)
        assert page.get(path).status_code == 405
        press(page, path, clock.forward(seconds=1) and clock, drain)
    assert buttons == ["retention-button retention-other"] * 2
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(LEAVE).status_code == 403
    assert Client().post(LEAVE).status_code == 302
    assert Absence.objects.count() == 1


def test_tags_promise_nothing_to_who_is_out(page: Client, user: Any, clock: Clock) -> None:
    request = RequestFactory().get("/")
    request.user = user
    tag = Template('{% load loyalty %}{% earns_points "24.00" "EUR" %}')
    with time_machine.travel(clock.forward(seconds=1), tick=False):
        assert tag.render(Context({"request": request})) == "This earns 24 points"
        leaving.leave(who(user), at=clock.now)
        assert tag.render(Context({"request": request})) == ""


def test_conditions_and_mail_know_no_points_and_no_tier_of_who_is_out(user: Any, clock: Clock, drain: Drain) -> None:
    def known() -> tuple[bool, bool, Any]:
        gold = conditions.IN_TIER.matching({who(user).pk}, {"tier": "Gold"}, clock.now)
        rich = conditions.HAS_POINTS.matching({who(user).pk}, {"points": 300}, clock.now)
        asked = Asked(key=1, customer=who(user).pk, language="en")
        return bool(gold), bool(rich), mail_parts.POINTS.build([asked], clock.now)[1]["points"]

    assert known() == (True, True, 340)
    leaving.leave(who(user), at=clock.forward(seconds=1))
    assert known() == (False, False, None)
    leaving.come_back(who(user), at=clock.forward(days=1))
    assert known() == (True, True, 340)


def test_staff_see_since_when_and_cannot_put_anybody_back(user: Any, clock: Clock) -> None:
    assert len(panels.points(who(user)).actions) == 1
    leaving.leave(who(user), at=clock.forward(seconds=1))
    panel = panels.points(who(user))
    assert panel.actions == []
    assert "340 to spend, 0 pending; left the programme on 03/02/2026" in panel.summary
    assert "written off on 04/01/2026" in panel.summary
    told = [(event.text, event.planned) for event in panels.timeline(who(user)) if "points" not in event.text]
    assert ("Left the programme", False) in told
    assert ("What stands is written off", True) in told
    staff = Client()
    staff.force_login(get_user_model().objects.create_superuser("boss", "boss@example.com", "a long password"))
    path = reverse("admin:retention_loyalty_account_correct", args=[who(user).pk])
    answer = staff.post(path, {"points": 5, "reason": "kind", "key": "3f2b1c1e-0000-4000-8000-000000000000"})
    assert "The customer has left the programme. Only they can come back." in answer.content.decode()
    assert account(user) == (340, 0)
    forfeits.write_off_due(at=clock.forward(days=31))
    summary = panels.points(who(user)).summary
    assert summary.startswith("0 to spend, 0 pending; left the programme on 03/02/2026")
    assert summary.endswith("and what stood is written off")


def test_the_absence_is_in_what_a_person_takes_out(user: Any, clock: Clock) -> None:
    leaving.leave(who(user), at=clock.forward(seconds=1))
    assert persons.export(who(user))["absences"] == [{"left_at": clock.now, "returned_at": None, "given_up_at": None}]
    persons.erase(who(user), clock.now)
    assert (Absence.objects.count(), Account.objects.get().balance, Customer.objects.count()) == (1, 340, 1)
