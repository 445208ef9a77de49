"""The page about sending: said in words, then saved; what a message waits for and what came of it is to be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from retention import sending_words
from retention.models import Customer, DomainRate, MailCap, Message, Sending
from retention.services import events, sending
from retention.services.events import Told
from tests.retention.ground import promise
from tests.retention.mails import NEWS
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

PAGE = "/admin/retention/sending/"


@pytest.fixture
def staff() -> Callable[..., Client]:
    def make(*names: str) -> Client:
        person = get_user_model().objects.create_user(username=f"s{len(names)}", email="", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make


@pytest.fixture
def client_of_staff(staff: Callable[..., Client]) -> Client:
    return staff("view_sending", "change_sending")


def form(**given: Any) -> dict[str, Any]:
    """What the page's form sends: as it stands, with one free line for a cap and a domain."""
    return {
        "quiet_from": "", "quiet_until": "", "per_hour": "", "warm_up_from": "", "warm_up_first": "50",
        "complaint_limit": "0.30", "bounce_limit": "5.00", "judged_days": "7", "judged_least": "200",
        "utm_source": "", "utm_medium": "", "utm_campaign": "",
        "caps-TOTAL_FORMS": "1", "caps-INITIAL_FORMS": "0", "caps-0-most": "", "caps-0-days": "", "caps-0-id": "",
        "domains-TOTAL_FORMS": "1", "domains-INITIAL_FORMS": "0", "domains-0-domain": "", "domains-0-per_hour": "",
        "domains-0-id": "", **given,
    }  # fmt: skip


FULL = form(
    quiet_from="21:00", quiet_until="08:00", per_hour="1000",
    **{"caps-0-most": "2", "caps-0-days": "7", "domains-0-domain": "bob@München.de", "domains-0-per_hour": "100"},
)  # fmt: skip


def said(page: str) -> list[str]:
    part = page.partition('class="retention-said"')[2].partition("</ul>")[0]
    return [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<li>(.*?)</li>", part)]


def read(page: str) -> str:
    return re.findall(r'name="read" value="(\w+)"', page)[0]


QUIET = (
    "Nobody gets marketing mail or a survey between 21:00 and 08:00 of their own day; what is due then leaves from "
    "08:00 on. Where we do not know somebody&#x27;s time zone, it is Europe/Berlin."
)


def test_nothing_is_saved_before_it_was_said_what_it_will_do(client_of_staff: Client) -> None:
    page = client_of_staff.post(PAGE, FULL).content.decode()
    assert said(page)[:4] == [
        QUIET,
        "A person gets at most 2 marketing mails within 7 days; what is more waits, the most urgent goes first.",
        "At most 1000 mails leave in an hour, service mail first.",
        "At most 100 an hour go to xn--mnchen-3ya.de.",
    ]
    assert "Nothing is saved yet." in page
    assert (sending.get().per_hour, MailCap.objects.count(), DomainRate.objects.count()) == (None, 0, 0)
    answer = client_of_staff.post(PAGE, {**FULL, "read": read(page)}, follow=True)
    assert "Saved." in answer.content.decode()
    choices = sending.get()
    assert (choices.quiet_from, choices.quiet_until, choices.per_hour) == (time(21), time(8), 1000)
    assert list(MailCap.objects.values_list("most", "days")) == [(2, 7)]
    assert list(DomainRate.objects.values_list("domain", "per_hour")) == [("xn--mnchen-3ya.de", 100)]


def test_who_changes_it_after_reading_reads_again(client_of_staff: Client) -> None:
    page = client_of_staff.post(PAGE, FULL).content.decode()
    changed = client_of_staff.post(PAGE, {**FULL, "per_hour": "9", "read": read(page)}).content.decode()
    assert "At most 9 mails leave in an hour, service mail first." in said(changed)
    assert sending.get().per_hour is None


def test_marketing_that_stops_while_the_page_is_saved_stays_stopped(
    client_of_staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = read(client_of_staff.post(PAGE, FULL).content.decode())
    say = sending_words.say

    def stop(*args: Any, **given: Any) -> list[str]:
        Sending.objects.update(stopped_at=NOON, stopped_why="complaints 7 1000 0.30")
        return say(*args, **given)

    monkeypatch.setattr(sending_words, "say", stop)
    assert client_of_staff.post(PAGE, {**FULL, "read": name}).status_code == 302
    choices = sending.get()
    assert (choices.stopped_at, choices.stopped_why) == (NOON, "complaints 7 1000 0.30")
    assert (choices.quiet_from, choices.per_hour) == (time(21), 1000)


def test_a_line_is_left_out_again(client_of_staff: Client) -> None:
    row = MailCap.objects.create(most=2, days=7)
    rows = {
        "caps-TOTAL_FORMS": "2", "caps-INITIAL_FORMS": "1", "caps-0-id": str(row.pk), "caps-0-most": "2",
        "caps-0-days": "7", "caps-0-DELETE": "on", "caps-1-most": "", "caps-1-days": "", "caps-1-id": "",
    }  # fmt: skip
    page = client_of_staff.post(PAGE, form(**rows)).content.decode()
    assert "A person may get any number of marketing mails." in said(page)
    client_of_staff.post(PAGE, {**form(**rows), "read": read(page)})
    assert MailCap.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"quiet_from": "21:00"}, "Quiet hours need both ends, or neither."),
        ({"quiet_from": "21:00", "quiet_until": "21:00"}, "Quiet hours that end when they begin are none"),
        ({"quiet_from": "25:00", "quiet_until": "08:00"}, "Enter a valid time."),
        ({"per_hour": "0"}, "greater than or equal to 1"),
        ({"complaint_limit": "0"}, "greater than or equal to 0.01"),
        ({"bounce_limit": "101"}, "less than or equal to 100"),
        ({"caps-0-most": "0", "caps-0-days": "7"}, "greater than or equal to 1"),
        ({"caps-0-most": "1", "caps-0-days": "400"}, "less than or equal to 365"),
        ({"domains-0-domain": "no domain", "domains-0-per_hour": "5"}, "Enter a valid domain name."),
    ],
    ids=str,
)
def test_a_wrong_choice_says_what_is_wrong_and_saves_nothing(
    client_of_staff: Client, given: dict[str, str], words: str
) -> None:
    page = client_of_staff.post(PAGE, form(**given)).content.decode()
    assert words in page
    assert "Nothing was saved" in page
    assert 'name="read"' not in page
    assert (MailCap.objects.count(), DomainRate.objects.count(), sending.get().quiet_from) == (0, 0, None)


def test_who_may_only_look_changes_nothing(staff: Callable[..., Client]) -> None:
    looker, nobody = staff("view_sending"), staff()
    page = looker.get(PAGE)
    assert page.status_code == 200
    assert "Say what this will do" not in page.content.decode()
    assert looker.post(PAGE, FULL).status_code == 403
    assert nobody.get(PAGE).status_code == 403


def test_a_warm_up_and_a_long_queue_are_said_in_numbers(
    client_of_staff: Client, customer: Callable[..., Customer]
) -> None:
    ada = customer()
    now = timezone.now()
    for number in range(5):
        Message.objects.filter(pk=promise(ada, NEWS, key=str(number), due_at=now).pk).update(state="due")
    today = timezone.localtime(now).date()
    page = client_of_staff.post(
        PAGE, form(per_hour="2", warm_up_first="3", warm_up_from=f"{today - timedelta(days=1)}")
    )
    words = said(page.content.decode())
    assert "5 mails are due now: the last of them leaves in about 3 hours." in words
    assert any("today at most 6 mails leave, tomorrow twice as many" in one for one in words)


def test_a_message_says_what_it_waits_for_and_what_the_provider_told(
    staff: Callable[..., Client], customer: Callable[..., Customer]
) -> None:
    looker = staff("view_message", "view_mailevent")
    ada = customer()
    waiting, sent = promise(ada, NEWS, key="waiting"), promise(ada, NEWS, key="sent")
    Message.objects.filter(pk=waiting.pk).update(state="due", deferred="cap")
    Message.objects.filter(pk=sent.pk).update(state="sent", sent_at=timezone.now(), header_id="<1@shop>")
    events.take(Told(kind="bounced", ids=["<1@shop>"], detail="no such mailbox"), at=timezone.now())
    events.take(Told(kind="delivered", ids=["<of another shop>"]), at=timezone.now())
    listed = looker.get("/admin/retention/message/").content.decode()
    assert "the frequency cap" in listed
    page = looker.get(f"/admin/retention/message/{sent.pk}/change/").content.decode()
    assert "hard bounce" in page
    assert "no such mailbox" in page
    told = looker.get("/admin/retention/mailevent/?message__isempty=1").content.decode()
    assert "1 event of a mail" in told


def test_marketing_that_has_stopped_and_a_rate_without_room_are_said_of_each_mail(
    staff: Callable[..., Client], customer: Callable[..., Customer]
) -> None:
    looker = staff("view_message")
    Message.objects.filter(pk=promise(customer(), NEWS).pk).update(state="due")
    assert "marketing has stopped by itself" not in looker.get("/admin/retention/message/").content.decode()
    Sending.objects.update_or_create(
        pk=1, defaults={"stopped_at": timezone.now(), "stopped_why": "complaints 4 1000 0.30"}
    )
    assert "marketing has stopped by itself" in looker.get("/admin/retention/message/").content.decode()
