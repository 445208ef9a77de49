"""Quiet hours: nothing starts in them, nothing is lost by them, nothing comes twice, wherever and whenever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, Message, Sending
from retention.services import delivery, quiet
from retention.services.quiet import Hours
from retention.watch import Watch
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.shop import NOON

pytestmark = pytest.mark.usefixtures("mails")

Make = Callable[..., Customer]
Box = list[EmailMessage]
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
NIGHT = Hours(time(21), time(8))


def be_quiet(start: time = NIGHT.start, end: time = NIGHT.end) -> None:
    Sending.objects.update_or_create(pk=1, defaults={"quiet_from": start, "quiet_until": end})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def became(message: Message) -> tuple[str, str, datetime]:
    message.refresh_from_db()
    return message.state, message.deferred, message.due_at


def is_quiet(moment: datetime, zone: ZoneInfo, hours: Hours) -> bool:
    """What a person reads off the clock on the wall; knows nothing of what is tested."""
    wall = moment.astimezone(zone).time()
    if hours.start < hours.end:
        return hours.start <= wall < hours.end
    return wall >= hours.start or wall < hours.end


# All zones, all changes of the clock


@lru_cache(maxsize=1)
def changes() -> dict[str, list[datetime]]:
    """Every instant of 2026 and 2027 at which a zone changes its clock, by zone."""
    found: dict[str, list[datetime]] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offset = datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone).utcoffset()
        day = at("2026-01-01T00:00")
        while day.year < 2028:
            if (day + DAY).astimezone(zone).utcoffset() != offset:
                moment = day
                while moment.astimezone(zone).utcoffset() == offset:
                    moment += QUARTER
                found.setdefault(name, []).append(moment)
                offset = moment.astimezone(zone).utcoffset()
            day += DAY
    return found


def windows(change: datetime, zone: ZoneInfo) -> Iterator[Hours]:
    """The usual night, one that begins before the change and ends in what it skips or repeats, one inside of that,
    and one of nearly a whole day."""
    before = (change - HOUR / 2).astimezone(zone).time()
    inside = (change.astimezone(zone).replace(tzinfo=None) - HOUR / 2).time()
    after = (change.astimezone(zone).replace(tzinfo=None) + HOUR / 2).time()
    yield NIGHT
    yield Hours(time(1, 30), time(2, 30))
    if before != inside:
        yield Hours(before, inside)
    yield Hours(inside, after)
    yield Hours(after, inside)


def simulate(change: datetime, zone: ZoneInfo, hours: Hours) -> None:
    """A mail is due at each quarter of an hour of two days around a change; a sender looks every quarter."""
    start = change - DAY
    waits = {number: start + number * QUARTER for number in range(192)}
    sent: dict[int, datetime] = {}
    for tick in range(192 + 150):
        now = start + tick * QUARTER
        for number in [number for number, due in waits.items() if due <= now]:
            until = quiet.ends(now, zone, hours)
            if until is None:
                assert number not in sent, "doubled"
                sent[number] = now
                del waits[number]
            else:
                assert until > now
                assert not is_quiet(until, zone, hours), f"{zone} {hours}: it would only wait again at {until}"
                waits[number] = until
    assert waits == {}, f"{zone} {hours}: lost"
    assert len(sent) == 192
    for number, moment in sent.items():
        assert not is_quiet(moment, zone, hours), f"{zone} {hours}: sent at {moment}"
        assert quiet.begins(moment, zone, hours) > moment
        assert moment - (start + number * QUARTER) < DAY + 2 * HOUR


def test_in_all_zones_and_all_changes_nothing_starts_in_quiet_hours_nothing_is_lost_or_doubled() -> None:
    seen: set[str] = set()
    done: set[tuple[Any, ...]] = set()
    count = 0
    for name, moments in changes().items():
        zone = ZoneInfo(name)
        seen.add(name)
        for change in moments:
            count += 1
            # two names of one rule around this change need no second look: their clocks say the same
            clock = tuple((change + hour * HOUR).astimezone(zone).utcoffset() for hour in range(-48, 73))
            if (change, clock) in done:
                continue
            done.add((change, clock))
            for hours in windows(change, zone):
                simulate(change, zone, hours)
    assert len(seen) > 150
    assert count > 400, "every change of every zone"
    assert len(done) > 20


def test_the_check_itself_would_see_who_forgets_the_change() -> None:
    """The control: an end of quiet hours by adding hours, as one does who knows no zones."""
    berlin, change = ZoneInfo("Europe/Berlin"), at("2026-10-25T01:00")
    now = at("2026-10-24T19:00")  # 21:00
    assert is_quiet(now + 11 * HOUR, berlin, NIGHT), "it says 7:00"
    assert quiet.ends(now, berlin, NIGHT) == now + 12 * HOUR
    assert change in changes()["Europe/Berlin"]


@pytest.mark.parametrize(
    ("zone", "hours", "now", "until"),
    [
        ("Europe/Berlin", NIGHT, "2026-03-10T19:59", None),
        ("Europe/Berlin", NIGHT, "2026-03-10T20:00", "2026-03-11T07:00"),
        ("Europe/Berlin", NIGHT, "2026-03-11T06:59", "2026-03-11T07:00"),
        ("Europe/Berlin", NIGHT, "2026-03-11T07:00", None),
        ("Europe/Berlin", NIGHT, "2026-03-28T21:00", "2026-03-29T06:00"),
        ("Europe/Berlin", NIGHT, "2026-10-24T21:00", "2026-10-25T07:00"),
        # the end is skipped: the first instant after the gap
        ("Europe/Berlin", Hours(time(1, 30), time(2, 30)), "2026-03-29T00:45", "2026-03-29T01:00"),
        # the end comes twice: the second
        ("Europe/Berlin", Hours(time(1, 30), time(2, 30)), "2026-10-25T00:00", "2026-10-25T01:30"),
        ("Europe/Berlin", Hours(time(1, 30), time(2, 30)), "2026-10-25T00:45", "2026-10-25T01:30"),
        # the beginning comes twice: the first
        ("Europe/Berlin", Hours(time(2, 30), time(4, 0)), "2026-10-25T00:30", "2026-10-25T03:00"),
        ("Europe/Berlin", Hours(time(2, 30), time(4, 0)), "2026-10-25T01:15", "2026-10-25T03:00"),
        # all of it is skipped
        ("Europe/Berlin", Hours(time(2, 10), time(2, 50)), "2026-03-29T01:00", None),
        # there is no midnight that day
        ("Africa/Cairo", Hours(time(23), time(0)), "2026-04-23T21:30", "2026-04-23T22:00"),
        ("Asia/Kathmandu", NIGHT, "2026-06-01T15:15", "2026-06-02T02:15"),
        ("Pacific/Kiritimati", NIGHT, "2026-06-01T07:00", "2026-06-01T18:00"),
    ],
)
def test_when_quiet_hours_are_over(zone: str, hours: Hours, now: str, until: str | None) -> None:
    assert quiet.ends(at(now), ZoneInfo(zone), hours) == (at(until) if until else None)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "a" * 300, "UTC\0", "Ünterwasser"]
)
def test_a_zone_that_there_is_not_is_the_shops(name: str, wiring: Callable[..., None], settings: Any) -> None:
    wiring(TIME_ZONE="America/New_York")
    assert quiet.zone_of(name).key == "America/New_York"
    wiring(TIME_ZONE="No/Such")
    settings.TIME_ZONE = "Asia/Tokyo"
    assert quiet.zone_of(name).key == "Asia/Tokyo"


# Through the outbox


@pytest.mark.django_db
def test_marketing_and_surveys_wait_for_the_end_of_quiet_hours_and_service_mail_does_not(
    customer: Make, mailoutbox: Box
) -> None:
    be_quiet()
    late = at("2026-03-10T22:30")
    ada = customer(wants=("marketing",), zone="Europe/Berlin", at=late)
    news, question, receipt = (promise(ada, mail, due_at=late) for mail in (NEWS, QUESTION, RECEIPT))
    assert delivery.deliver(at=late) == 3
    morning = at("2026-03-11T07:00")
    assert became(news) == became(question) == ("due", "quiet hours", morning)
    assert (news.owner, news.lease_until, news.tries, news.started_at) == ("", None, 0, None)
    assert became(receipt)[0] == "sent"
    assert delivery.deliver(at=morning - timedelta(minutes=1)) == 0, "it is not woken before"
    assert delivery.deliver(at=morning) == 2
    assert became(news)[:2] == became(question)[:2] == ("sent", "")
    assert len(mailoutbox) == 3


@pytest.mark.django_db
def test_each_recipient_has_a_night_of_their_own(customer: Make, mailoutbox: Box) -> None:
    be_quiet()
    for name, zone in [("ada", "Europe/Berlin"), ("ben", "Asia/Tokyo"), ("cy", "No/Where"), ("di", "")]:
        promise(customer(f"{name}@example.com", wants=("marketing",), zone=zone), NEWS)
    delivery.deliver(at=NOON)  # 13:00 in Berlin, 21:00 in Tokyo
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ada@example.com", "cy@example.com", "di@example.com"]
    ben = Message.objects.get(customer__email="ben@example.com")
    assert became(ben) == ("due", "quiet hours", at("2026-03-10T23:00"))


@pytest.mark.django_db
def test_a_batch_that_is_slow_runs_into_no_quiet_hours(
    customer: Make, mailoutbox: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They begin while the batch is being sent."""
    be_quiet()
    before = at("2026-03-10T20:59")
    clock = iter([before, before, before, *[before + timedelta(minutes=1)] * 20])
    people = [customer(f"{n}@example.com", wants=("marketing",), zone="UTC", at=before) for n in range(4)]
    messages = [promise(one, NEWS, due_at=before) for one in people]
    with monkeypatch.context() as slow:
        slow.setattr(Watch, "now", lambda self: next(clock))
        delivery.deliver(at=before)
    morning = at("2026-03-11T08:00")
    assert [became(message) for message in messages] == [
        ("sent", "", before),
        ("sent", "", before),
        ("due", "quiet hours", morning),
        ("due", "quiet hours", morning),
    ]
    assert delivery.deliver(at=morning) == 2
    assert len(mailoutbox) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns"])
def test_around_a_change_of_the_clock_every_mail_is_sent_once_and_none_in_quiet_hours(
    customer: Make, mailoutbox: Box, zone: str
) -> None:
    """A smaller part of the figure, through the outbox: a mail each hour, a sender each quarter of an hour."""
    change, info = changes()[zone][0], ZoneInfo(zone)
    hours = list(windows(change, info))[-2]
    be_quiet(*hours)
    start = change - 6 * HOUR
    ada = customer(wants=("marketing",), zone=zone, at=start)
    for number in range(12):
        promise(ada, NEWS, key=str(number), due_at=start + number * HOUR)
    for tick in range(60):
        delivery.deliver(at=start + tick * QUARTER)
    sent = list(Message.objects.values_list("state", "sent_at", "tries"))
    assert {(state, tries) for state, _, tries in sent} == {("sent", 1)}
    assert [moment for _, moment, _ in sent if moment and is_quiet(moment, info, hours)] == []
    assert len(mailoutbox) == len(sent) == 12


@pytest.mark.django_db
def test_quiet_hours_have_two_ends() -> None:
    for given in ({"quiet_from": time(21)}, {"quiet_from": time(8), "quiet_until": time(8)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Sending.objects.update_or_create(pk=1, defaults=given)


@pytest.mark.django_db
def test_sixty_who_sleep_cost_as_few_queries_as_two(customer: Make) -> None:
    be_quiet()

    def cost(count: int) -> int:
        people: Sequence[Customer] = [
            customer(f"{count}-{n}@example.com", wants=("marketing",), zone="Asia/Tokyo") for n in range(count)
        ]
        for one in people:
            promise(one, NEWS)
        with CaptureQueriesContext(connection) as asked:
            assert delivery.deliver(at=NOON) == count
        return len(asked)

    cost(1)  # what is made once, such as the row about sending, is there now
    assert cost(2) == cost(60)
    assert set(Message.objects.values_list("deferred", flat=True)) == {"quiet hours"}
