"""Mail scanners open every link of every mail that the three apps ship: nothing changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client

from campaigns.models import Journey
from loyalty.models import Membership
from loyalty.models.programme import Expires
from loyalty.services import notices, paid_members, paid_notices, paid_terms, points, tier_notices
from retention import registry
from retention.conf import conf
from retention.models import Customer
from retention.services import accounts, consent, customers, delivery, outbox, signup
from retention.services.outbox import Promise
from tests.campaigns.shelf import give, make_offer
from tests.campaigns.walks import Walk, switch, walk
from tests.loyalty import club
from tests.loyalty.till import join, start, table, who

__all__ = ["switch", "walk"]

LOGS = {"retention.Attempt", "retention.Block", "sessions.Session"}
"""What counts looks and clicks, and the host's own memory of a visitor."""


def rows() -> dict[str, str]:
    """Everything that any app has stored, by table."""
    return {
        model._meta.label: str(list(model._base_manager.order_by("pk").values()))
        for model in apps.get_models()
        if model._meta.label not in LOGS and model._meta.managed
    }


def links(message: EmailMessage) -> set[str]:
    """Return every path of the shop in a mail: text, HTML and headers."""
    base = re.escape(conf.BASE_URL)
    parts = [message.body, *(content for content, _ in getattr(message, "alternatives", []))]
    found = re.findall(rf"{base}(/[^\s<>\"')]*)", " ".join(map(str, [*parts, *message.extra_headers.values()])))
    return {unescape(path) for path in found}


def promise(customer: Customer, name: str, at: Any, **values: Any) -> None:
    outbox.post(Promise(key=f"scan:{name}", mail=name, customer=customer.pk, values=values, due_at=at), at=at)


def survey_mails(walk: Walk, switch: Callable[..., Journey]) -> None:
    """Let an order be asked about, and be asked about again."""
    switch("satisfaction")
    walk.order()
    walk.tick()
    walk.tick(days=14)
    for _ in range(10):
        walk.tick(days=1)


def account_mails(walk: Walk) -> None:
    now, shop = walk.clock.now, walk.shop
    order = shop.get_orders([shop.place(email="ben@example.com")])
    [placed] = order.values()
    accounts.ask_link(order=placed, at=now)
    accounts.ask_proof(customers.for_user(join("cy@example.com"), at=now), at=now)
    accounts._mail_sign_in(placed, at=now)
    signup.ask(email="dee@example.com", source="test", language="en", origin="192.0.2.1", at=now)


def coupon_mails(walk: Walk) -> None:
    now = walk.clock.now
    ada = customers.for_guest("eve@example.com", at=now)
    consent.grant(ada, purpose="marketing", basis="opt_in", source="test", at=now)
    coupon = give(make_offer(), ada, at=now)
    for name in ("campaigns.welcome", "campaigns.next_order"):
        promise(ada, name, now, coupon=coupon.pk)


def point_mails(walk: Walk) -> None:
    now = walk.clock.now
    start(expires=Expires.DAYS, expires_after=20, expiry_since=now - timedelta(days=400))
    points.grant([("scan", who(join("fay@example.com")).pk, "")], points=10, source="test", at=now)
    notices.warn(at=now)


def membership_mails(walk: Walk) -> None:
    now = walk.clock.now
    plan = club.plan(walk.shop, months=1, notice_days=90)
    gil = who(join("gil@example.com"))
    paid_terms.grant(gil, plan, months=1, reason="test", author="test", key="scan", at=now)
    paid_members.look(at=now)
    paid_notices.warn(at=now)


def tier_mails(walk: Walk) -> None:
    now = walk.clock.now
    gold = table(("Gold", 10000), term="days", term_days=90).tiers.get()
    hal = who(join("hal@example.com"))
    Membership.objects.create(customer=hal, tier=gold, since=now, held_until=now + timedelta(days=5))
    assert tier_notices.warn(at=now) == 1


@pytest.fixture
def every_mail(walk: Walk, switch: Callable[..., Journey]) -> list[EmailMessage]:
    survey_mails(walk, switch)
    account_mails(walk)
    coupon_mails(walk)
    point_mails(walk)
    membership_mails(walk)
    tier_mails(walk)
    delivery.deliver(at=walk.clock.now)
    return list(mail.outbox)


def test_get_and_head_of_every_link_twenty_times_change_no_row(walk: Walk, every_mail: list[EmailMessage]) -> None:
    sent = {message.mail for message in walk.sent()}
    assert sent == set(registry.mails.names()), "a mail of ours is missing here"
    # goods are on pages of the shop's own, which a shop in memory has not
    paths = {path for message in every_mail for path in links(message) if not path.startswith("/products/")}
    assert sum("/retention/p/" in path for path in paths) == 2, "one a person who gets marketing mail or surveys"
    assert sum("/retention/s/" in path for path in paths) >= 10, "each score is a link"
    with time_machine.travel(walk.clock.now, tick=False):
        before = rows()
        for path in sorted(paths):
            scanner = Client()
            for _ in range(20):
                # the account's page sends who is not signed in to the shop's own
                assert scanner.get(path).status_code in (200, 302), path
                assert scanner.head(path).status_code in (200, 302), path
        after = rows()
    assert [label for label in before if before[label] != after[label]] == []


def test_the_one_click_of_every_mail_that_can_be_left_is_effective_before_the_next_claim(
    walk: Walk, every_mail: list[EmailMessage]
) -> None:
    """As a mail program does it: no cookie, no token, urlencoded and multipart, no redirect."""
    left = [message for message in every_mail if "List-Unsubscribe" in message.extra_headers]
    assert len(left) >= 4, "two of coupons, a question and its reminder"
    before = len(mail.outbox)
    for number, message in enumerate(left):
        url = message.extra_headers["List-Unsubscribe"].strip("<>")
        assert len(url) <= 60
        body: Any = {"List-Unsubscribe": "One-Click"}
        given = {"content_type": "application/x-www-form-urlencoded"} if number % 2 else {}
        answer = Client(enforce_csrf_checks=True).post(
            url.removeprefix(conf.BASE_URL), "List-Unsubscribe=One-Click" if given else body, **given
        )
        assert (answer.status_code, "Location" in answer, bool(answer.cookies)) == (200, False, False)
    for message in walk.sent():
        if message.purpose != "service":
            outbox.post(
                Promise(
                    key=f"again:{message.pk}", mail=message.mail, customer=message.customer_id,
                    values=message.values, order=message.order, due_at=walk.clock.now,
                ),
                at=walk.clock.now,
            )  # fmt: skip
    delivery.deliver(at=walk.clock.now)
    assert len(mail.outbox) == before
