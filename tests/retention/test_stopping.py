"""Marketing stops by itself when too many complain or addresses do not exist, and goes on at a person's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from retention.models import Customer, Message, Sending
from retention.services import delivery, sending, stopping, ticks
from retention.troubles import find
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
Box = list[EmailMessage]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GO_ON = "/admin/retention/sending/go-on/"


def history(
    customer: Customer,
    count: int,
    *,
    bounced: int = 0,
    complained: int = 0,
    purpose: str = "marketing",
    at: datetime = NOON - DAY,
) -> None:
    """So many mails were sent, of which the first bounced, and the last were complained of."""
    begun = Message.objects.count()
    Message.objects.bulk_create(
        Message(
            key=f"h{begun + number}", mail=NEWS, purpose=purpose, customer=customer, state="sent", due_at=at,
            created_at=at, changed_at=at, sent_at=at, started_at=at,
            bounced_at=at if number < bounced else None,
            complained_at=at if number >= count - complained else None,
        )
        for number in range(count)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "bounced", "complained", "why"),
    [
        (1000, 0, 3, ""),
        (1000, 0, 4, "complaints 4 1000 0.30"),
        (1000, 50, 0, ""),
        (1000, 51, 0, "bounces 51 1000 5.00"),
        (1000, 51, 4, "complaints 4 1000 0.30"),
        (199, 199, 0, ""),
        (200, 11, 0, "bounces 11 200 5.00"),
    ],
)
def test_when_marketing_stops(customer: Make, count: int, bounced: int, complained: int, why: str) -> None:
    history(customer(), count, bounced=bounced, complained=complained)
    assert stopping.watch(at=NOON) == bool(why)
    choices = sending.get()
    assert (choices.stopped_at, choices.stopped_why) == (NOON if why else None, why)
    assert stopping.watch(at=NOON + MINUTE) == 0, "it is stopped, or well"
    assert sending.get().stopped_at == choices.stopped_at


def test_service_mail_and_surveys_and_what_is_long_ago_are_not_judged(customer: Make) -> None:
    ada = customer()
    history(ada, 500)
    history(ada, 500, bounced=500, complained=500, purpose="service")
    history(ada, 500, bounced=500, complained=500, purpose="survey")
    history(ada, 500, bounced=500, complained=500, at=NOON - 7 * DAY - MINUTE)
    assert stopping.judge(sending.get(), at=NOON) == stopping.Verdict(sent=500, complaints=0, bounces=0)
    assert stopping.watch(at=NOON) == 0


def test_the_merchants_own_limits_hold(customer: Make) -> None:
    Sending.objects.create(pk=1, complaint_limit=Decimal("2.00"), judged_least=10, judged_days=30)
    history(customer(), 100, complained=3, at=NOON - 20 * DAY)
    assert stopping.watch(at=NOON) == 1


def test_stopped_marketing_waits_and_everything_else_goes_out(customer: Make, mailoutbox: Box) -> None:
    Sending.objects.create(pk=1, stopped_at=NOON, stopped_why="complaints 4 1000 0.30")
    ada = customer(wants=("marketing",))
    news, question, receipt = (promise(ada, mail) for mail in (NEWS, QUESTION, RECEIPT))
    assert delivery.deliver(at=NOON) == 2
    before = Message.objects.filter(pk=news.pk).values().get()
    assert before["state"] == "due"
    assert delivery.deliver(at=NOON + DAY) == 0
    assert Message.objects.filter(pk=news.pk).values().get() == before
    assert {row.state for row in Message.objects.filter(pk__in=[question.pk, receipt.pk])} == {"sent"}
    assert stopping.go_on(at=NOON + DAY)
    assert not stopping.go_on(at=NOON + DAY), "it goes on already"
    assert delivery.deliver(at=NOON + DAY) == 1
    assert len(mailoutbox) == 3


def test_what_somebody_has_looked_at_is_not_judged_again(customer: Make) -> None:
    ada = customer()
    history(ada, 500, complained=100)
    assert stopping.watch(at=NOON) == 1
    stopping.go_on(at=NOON)
    assert stopping.watch(at=NOON + MINUTE) == 0
    history(ada, 300, complained=1, at=NOON + MINUTE)
    assert stopping.watch(at=NOON + DAY) == 1
    assert sending.get().stopped_why == "complaints 1 300 0.30"


def test_the_tick_stops_it(customer: Make) -> None:
    history(customer(), 500, complained=100)
    ticks.run_due(at=NOON)
    assert sending.get().stopped_at == NOON


def said() -> list[str]:
    return [str(trouble.what) for trouble in find(NOON) if "arketing" in str(trouble.what)]


def test_what_is_broken_says_why_and_how_much(customer: Make) -> None:
    assert said() == []
    history(customer(), 999, complained=4)
    stopping.watch(at=NOON)
    assert said() == ["Marketing mail has stopped: 4 of 999 were complained of, 0.41 % (limit 0.30 %)"]
    Sending.objects.update(stopped_why="bounces 60 999 5.00")
    assert said() == ["Marketing mail has stopped: 60 of 999 went to no mailbox, 6.01 % (limit 5.00 %)"]


@pytest.fixture
def staff() -> Callable[..., Client]:
    def make(*names: str) -> Client:
        person = get_user_model().objects.create_user(username=f"staff{len(names)}", email="", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make


def test_who_may_pause_lets_marketing_go_on_by_post_alone(staff: Callable[..., Client]) -> None:
    Sending.objects.create(pk=1, stopped_at=NOON, stopped_why="complaints 4 1000 0.30")
    looker, pauser = staff("view_installation"), staff("view_installation", "pause_sending")
    page = "/admin/retention/installation/"
    assert GO_ON not in looker.get(page).content.decode()
    assert GO_ON in pauser.get(page).content.decode()
    assert looker.post(GO_ON).status_code == pauser.get(GO_ON).status_code == 403
    assert sending.get().stopped_at == NOON
    before = timezone.now()
    answer: Any = pauser.post(GO_ON, follow=True)
    assert "Marketing goes on." in answer.content.decode()
    choices = sending.get()
    assert (choices.stopped_at, choices.stopped_why) == (None, "")
    assert choices.judged_from is not None
    assert choices.judged_from >= before
