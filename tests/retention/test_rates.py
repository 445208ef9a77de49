"""Rates: an hour, a domain, a warm-up. Exact, service mail first, and nothing is lost or woken for nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, DomainRate, Message, Sending, SendTally
from retention.services import delivery, outbox, rates
from retention.services.outbox import Promise
from retention.watch import Watch
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

Make = Callable[..., Customer]
Box = list[EmailMessage]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def choose(**choices: Any) -> Sending:
    return Sending.objects.update_or_create(pk=1, defaults=choices)[0]


def owe(customer: Customer, count: int, mail: str = RECEIPT, *, name: str = "m") -> None:
    promises = [Promise(key=f"{name}{number}", mail=mail, customer=customer.pk, due_at=NOON) for number in range(count)]
    outbox.post_many(promises, at=NOON)


def sent_by_hour() -> dict[int, int]:
    times = Message.objects.filter(state="sent").values_list("sent_at", flat=True)
    return dict(Counter((moment - NOON) // HOUR for moment in times if moment))


def test_no_more_than_the_rate_leave_in_an_hour_and_all_leave_at_last(customer: Make, mailoutbox: Box) -> None:
    choose(per_hour=10)
    owe(customer(), 25)
    for minute in range(0, 181, 20):
        delivery.deliver(at=NOON + minute * MINUTE)
    assert sent_by_hour() == {0: 10, 1: 10, 2: 5}
    assert len(mailoutbox) == 25


def test_without_room_nothing_is_woken(customer: Make) -> None:
    choose(per_hour=10)
    owe(customer(), 25)
    delivery.deliver(at=NOON)
    before = list(Message.objects.order_by("pk").values())
    assert delivery.deliver(at=NOON + MINUTE) == 0
    assert list(Message.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("midnights", [10, 9])
def test_the_first_hour_of_a_day_of_the_warm_up_is_not_taken_for_this_hour(
    customer: Make, mailoutbox: Box, midnights: int
) -> None:
    sending = choose(per_hour=10, warm_up_from=NOON.date(), warm_up_first=100)
    hour, day = rates.common(sending, at=NOON)
    SendTally.objects.create(scope="hour", since=day.since, taken=midnights)
    SendTally.objects.create(scope="day", since=day.since, taken=midnights)
    assert rates.room([hour, day]) == 10
    SendTally.objects.create(scope="hour", since=hour.since, taken=10)
    assert rates.room([hour, day]) == 0


def test_service_mail_goes_first(customer: Make, mailoutbox: Box) -> None:
    choose(per_hour=5)
    ada = customer(wants=("marketing",))
    owe(ada, 5, NEWS, name="news")
    owe(ada, 3, RECEIPT, name="receipt")
    delivery.deliver(at=NOON)
    sent = Message.objects.filter(state="sent").values_list("mail", flat=True)
    assert Counter(sent) == {RECEIPT: 3, NEWS: 2}


def test_a_mail_that_does_not_start_gives_its_place_back(customer: Make, mailoutbox: Box) -> None:
    choose(per_hour=5)
    ada, ben = customer(), customer("ben@example.com")
    owe(ada, 3, RECEIPT, name="ada")
    owe(ben, 5, RECEIPT, name="ben")
    outbox.promote(at=NOON)
    Message.objects.filter(key__startswith="ada").update(mail="test.gone")
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == 5
    assert SendTally.objects.get(scope="hour").taken == 5


def test_a_line_that_is_not_there_takes_no_places(customer: Make, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    choose(per_hour=5)
    DomainRate.objects.create(domain="example.com", per_hour=5)
    owe(customer(), 3)
    delivery.deliver(at=NOON)
    assert set(Message.objects.values_list("state", "error")) == {("due", "ConnectionRefusedError")}
    assert set(SendTally.objects.values_list("scope", "taken")) == {("hour", 0), ("domain:example.com", 0)}


def test_a_batch_that_is_slow_starts_nothing_in_an_hour_whose_place_it_has_not_taken(
    customer: Make, mailoutbox: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(per_hour=3)
    owe(customer(), 3)
    late = NOON + 59 * MINUTE
    clock = iter([late, late, *[late + MINUTE] * 30])
    with monkeypatch.context() as slow:
        slow.setattr(Watch, "now", lambda self: next(clock))
        delivery.deliver(at=late)
    assert dict(Counter(at.hour for at in Message.objects.values_list("started_at", flat=True) if at)) == {12: 1, 13: 2}
    taken = {since.hour: taken for since, taken in SendTally.objects.values_list("since", "taken")}
    assert taken == {12: 1, 13: 2}


# Domains


def test_one_domain_waits_and_the_others_go(customer: Make, mailoutbox: Box) -> None:
    DomainRate.objects.create(domain="gmail.com", per_hour=4)
    for number in range(10):
        promise(customer(f"{number}@Gmail.com"))
        promise(customer(f"{number}@example.com"))
    delivery.deliver(at=NOON)
    assert Counter(mail.to[0].partition("@")[2] for mail in mailoutbox) == {"Gmail.com": 4, "example.com": 10}
    waiting = Message.objects.filter(state="due")
    assert set(waiting.values_list("deferred", "due_at")) == {("rate", NOON + HOUR)}, "service mail: at the front"
    for hour in range(1, 4):
        delivery.deliver(at=NOON + hour * HOUR)
    assert sent_by_hour() == {0: 14, 1: 4, 2: 2}


def test_a_domain_in_another_alphabet_is_found_by_the_name_that_dns_knows(customer: Make, mailoutbox: Box) -> None:
    DomainRate.objects.create(domain="xn--mnchen-3ya.de", per_hour=1)
    for address in ("ada@münchen.de", "ben@MÜNCHEN.de", "cy@xn--mnchen-3ya.de"):
        promise(customer(address))
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ada@Example.COM", "example.com"),
        ("ada@example.com.", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("ada@bücher.example", "xn--bcher-kva.example"),
        ("ada@" + "ü" * 70 + ".de", "ü" * 70 + ".de"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_the_domain_of_an_address(address: str, domain: str) -> None:
    assert rates.domain_of(address) == domain


def test_marketing_that_waits_for_a_domain_is_spread_over_the_hours_to_come(customer: Make, mailoutbox: Box) -> None:
    """A release to many at one domain: an hour wakes no more than it can send."""
    DomainRate.objects.create(domain="gmail.com", per_hour=10)
    people = [customer(f"{number}@gmail.com", wants=("marketing",)) for number in range(60)]
    for one in people:
        promise(one, NEWS)
    assert delivery.deliver(at=NOON) == 60
    woken = Counter(
        (due - NOON) // HOUR for due in Message.objects.filter(state="due").values_list("due_at", flat=True)
    )
    assert woken == {1: 10, 2: 10, 3: 10, 4: 10, 5: 10}
    for minute in range(0, 421, 10):
        delivery.deliver(at=NOON + minute * MINUTE)
    assert sent_by_hour() == {0: 10, 1: 10, 2: 10, 3: 10, 4: 10, 5: 10}
    assert set(Message.objects.values_list("tries", flat=True)) == {1}


# Warm-up


def test_a_warm_up_doubles_daily_in_the_shops_zone(
    customer: Make, mailoutbox: Box, wiring: Callable[..., None]
) -> None:
    wiring(TIME_ZONE="Pacific/Auckland")  # thirteen hours ahead: noon UTC is the next day, 1:00
    choose(warm_up_from=date(2026, 3, 11), warm_up_first=2)
    owe(customer(), 20)
    for hour in range(0, 96, 2):
        delivery.deliver(at=NOON + hour * HOUR)
    days = Counter(moment.astimezone(rates.zone_of("")).date() for moment in sent_times())
    assert days == {date(2026, 3, 11): 2, date(2026, 3, 12): 4, date(2026, 3, 13): 8, date(2026, 3, 14): 6}


def sent_times() -> list[datetime]:
    return [moment for moment in Message.objects.filter(state="sent").values_list("sent_at", flat=True) if moment]


@pytest.mark.parametrize(
    ("per_hour", "days", "most"),
    [
        (None, -1, None),
        (None, 0, 50),
        (None, 1, 100),
        (None, 29, 50 * 2**29),
        (None, 30, None),
        (100, 5, 1600),
        (100, 6, None),  # 3,200 a day is more than 24 times 100
        (100_000, 14, 819_200),
        (2**40, 31, 50 * 2**31),
        (1, 20_000, None),
    ],
)
def test_when_a_warm_up_is_over(per_hour: int | None, days: int, most: int | None) -> None:
    choices = Sending(per_hour=per_hour, warm_up_from=date(2026, 3, 1), warm_up_first=50)
    assert rates.warm_up_most(choices, days) == most


def test_in_a_warm_up_the_rate_an_hour_holds_too(customer: Make, mailoutbox: Box) -> None:
    choose(per_hour=3, warm_up_from=NOON.date(), warm_up_first=5)
    owe(customer(), 20)
    for hour in range(4):
        delivery.deliver(at=NOON + hour * HOUR)
    assert sent_by_hour() == {0: 3, 1: 2}


# What it costs


def test_a_hundred_mails_cost_as_many_queries_for_their_rates_as_ten(customer: Make) -> None:
    choose(per_hour=10)
    DomainRate.objects.create(domain="example.com", per_hour=1)
    SendTally.objects.create(scope="domain:example.com", since=NOON, taken=1)
    ada = customer(wants=("marketing",))

    def cost(count: int) -> int:
        owe(ada, count, NEWS, name=f"{count} ")
        outbox.promote(at=NOON)
        choose(per_hour=count)
        with CaptureQueriesContext(connection) as queries:
            assert delivery.deliver(at=NOON) == count
        return len(queries)

    cost(5)
    assert cost(10) == cost(100)
    assert Message.objects.filter(deferred="rate", state="due").count() == 115


def test_what_was_taken_of_hours_that_are_over_is_deleted() -> None:
    for days in (0, 2, 4, 400):
        SendTally.objects.create(scope="hour", since=datetime(2026, 3, 10, tzinfo=UTC) - days * DAY, taken=1)
    assert rates.prune(at=NOON) == 2
