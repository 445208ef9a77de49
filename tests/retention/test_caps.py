"""Frequency caps: how often a person gets marketing mail, over all journeys, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, MailCap, Message, Preference
from retention.services import delivery, outbox
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT, make
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
Box = list[EmailMessage]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def cap(most: int, days: int) -> None:
    MailCap.objects.create(most=most, days=days)


def wish(customer: Customer, days: int) -> None:
    Preference.objects.create(customer=customer, every_days=days, changed_at=NOON)


def became(message: Message) -> tuple[str, str, datetime]:
    message.refresh_from_db()
    return message.state, message.deferred, message.due_at


def test_a_third_mail_within_a_week_waits_until_the_first_is_a_week_old(customer: Make, mailoutbox: Box) -> None:
    cap(2, 7)
    ada = customer(wants=("marketing",))
    for number in range(2):
        promise(ada, NEWS, key=str(number), due_at=NOON + number * DAY)
        delivery.deliver(at=NOON + number * DAY)
    third = promise(ada, NEWS, key="third", due_at=NOON + 2 * DAY)
    assert delivery.deliver(at=NOON + 2 * DAY) == 1
    assert became(third) == ("due", "cap", NOON + 7 * DAY)
    assert (third.owner, third.lease_until, third.tries, third.started_at) == ("", None, 0, None)
    assert delivery.deliver(at=NOON + 7 * DAY - MINUTE) == 0
    assert delivery.deliver(at=NOON + 7 * DAY) == 1
    assert became(third)[:2] == ("sent", "")
    assert len(mailoutbox) == 3


def test_of_two_that_are_due_the_more_urgent_goes_and_the_other_waits(customer: Make, mailoutbox: Box) -> None:
    cap(1, 7)
    ada = customer(wants=("marketing",))
    less, more = promise(ada, NEWS, key="less"), promise(ada, NEWS, key="more", priority=5)
    delivery.deliver(at=NOON)
    assert became(more)[0] == "sent"
    assert became(less) == ("due", "cap", NOON + 7 * DAY)


def test_all_caps_hold_and_the_longest_wait_counts(customer: Make) -> None:
    cap(1, 1)
    cap(2, 30)
    ada = customer(wants=("marketing",))
    rows = [promise(ada, NEWS, key=str(number)) for number in range(3)]
    delivery.deliver(at=NOON)
    assert [became(row)[2] for row in rows] == [NOON, NOON + DAY, NOON + DAY]
    delivery.deliver(at=NOON + DAY)
    assert [became(row)[0] for row in rows] == ["sent", "sent", "due"]
    assert became(rows[2])[2] == NOON + 30 * DAY


@pytest.mark.parametrize("mail", [QUESTION, RECEIPT])
def test_caps_are_about_marketing_alone(customer: Make, mailoutbox: Box, mail: str) -> None:
    cap(1, 30)
    ada = customer(wants=("marketing",))
    for number in range(3):
        promise(ada, mail, key=str(number))
    promise(ada, NEWS, key="news")
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == 4


def test_two_rows_with_one_address_are_one_person(customer: Make, mailoutbox: Box) -> None:
    cap(1, 7)
    member = customer("Ada@example.com", kind="member", wants=("marketing",))
    guest = customer("ada@example.com", wants=("marketing",))
    promise(member, NEWS)
    other = promise(guest, NEWS)
    promise(customer("ben@example.com", wants=("marketing",)), NEWS)
    delivery.deliver(at=NOON)
    assert became(other)[1] == "cap"
    assert sorted(mail.to[0] for mail in mailoutbox) == ["Ada@example.com", "ben@example.com"]


def test_an_attempt_counts_whatever_came_of_it_but_not_against_itself(customer: Make, office: Any) -> None:
    cap(1, 7)
    ada = customer(wants=("marketing",))
    office.answers["ada@example.com"] = ("RCPT", "451 greylisted")
    first = promise(ada, NEWS, key="first")
    delivery.deliver(at=NOON)
    assert became(first) == ("due", "", NOON + 2 * MINUTE)
    second = promise(ada, NEWS, key="second", due_at=NOON + MINUTE)
    delivery.deliver(at=NOON + MINUTE)
    assert became(second) == ("due", "cap", NOON + 7 * DAY)
    office.answers["ada@example.com"] = ("RCPT", "550 no such mailbox")
    delivery.deliver(at=NOON + 2 * MINUTE)
    assert became(first)[0] == "failed"
    delivery.deliver(at=NOON + 7 * DAY)
    assert became(second) == ("due", "cap", NOON + 7 * DAY + 2 * MINUTE), "the second try was later"


def test_a_mail_that_nobody_wants_takes_nobodys_place(customer: Make, mailoutbox: Box) -> None:
    """Skipped by its app, failed in writing, or given back since there is no line: it was no attempt."""
    cap(1, 7)
    ada = customer(wants=("marketing",))
    make("test.unwanted", "marketing", refuse=lambda messages, at: {one.pk: "ordered again" for one in messages})
    make("test.broken", "marketing", build=lambda messages, at: 1 / 0)
    promise(ada, "test.unwanted", priority=9)
    delivery.deliver(at=NOON)
    broken = promise(ada, "test.broken", priority=5)
    news = promise(ada, NEWS)
    delivery.deliver(at=NOON)
    assert became(broken)[0] == "failed"
    assert broken.started_at is None
    assert became(news)[:2] == ("due", "cap"), "when it was asked the other was about to go"
    Message.objects.filter(pk=news.pk).update(due_at=NOON + MINUTE)
    delivery.deliver(at=NOON + MINUTE)
    assert became(news)[0] == "sent"


@pytest.mark.parametrize("days", [7, 30])
def test_a_person_may_want_less(customer: Make, mailoutbox: Box, days: int) -> None:
    ada, ben = (customer(f"{name}@example.com", wants=("marketing",)) for name in ("ada", "ben"))
    wish(ada, days)
    rows = [promise(one, NEWS, key=f"{one.pk} {number}") for number in range(2) for one in (ada, ben)]
    delivery.deliver(at=NOON)
    assert [became(row)[:2] for row in rows] == [("sent", ""), ("sent", ""), ("due", "cap"), ("sent", "")]
    assert rows[2].due_at == NOON + days * DAY


def test_a_wish_holds_for_everybody_with_the_address_but_not_that_of_an_unproven_account(
    customer: Make, mailoutbox: Box
) -> None:
    stranger = customer("ada@example.com", kind="member", wants=("marketing",))
    guest = customer("ada@example.com", wants=("marketing",))
    wish(stranger, 30)
    rows = [promise(guest, NEWS, key=str(number)) for number in range(2)]
    delivery.deliver(at=NOON)
    assert [became(row)[0] for row in rows] == ["sent", "sent"], "who typed the address speaks for themselves"
    Customer.objects.filter(pk=stranger.pk).update(address_proven_at=NOON)
    third = promise(guest, NEWS, key="third")
    delivery.deliver(at=NOON + DAY)
    assert became(third) == ("due", "cap", NOON + 30 * DAY)


def test_a_hundred_people_cost_as_many_queries_as_ten(customer: Make) -> None:
    cap(1, 7)
    make("test.refused", "marketing")

    def cost(people: range) -> int:
        for number in people:
            one = customer(f"{number}@example.com", wants=("marketing",))
            Message.objects.create(
                key=f"before {number}", mail=NEWS, purpose="marketing", customer=one, state="sent", due_at=NOON,
                created_at=NOON, changed_at=NOON, sent_at=NOON, started_at=NOON,
            )  # fmt: skip
            promise(one, NEWS, key=f"now {number}")
        outbox.promote(at=NOON)
        with CaptureQueriesContext(connection) as queries:
            assert delivery.deliver(at=NOON) == len(people)
        return len(queries)

    cost(range(5))
    assert cost(range(5, 15)) == cost(range(15, 115))
    assert Message.objects.filter(deferred="cap").count() == 115
