"""Local times across every change of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from retention.services import outbox


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instant"),
    [
        ("Europe/Berlin", date(2026, 3, 28), time(2, 30), "2026-03-28T01:30"),
        # the clock goes from 2:00 to 3:00: what is due in between is due at 3:00
        ("Europe/Berlin", date(2026, 3, 29), time(1, 59), "2026-03-29T00:59"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 0), "2026-03-29T01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 59, 59), "2026-03-29T01:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(3, 0), "2026-03-29T01:00"),
        # the clock goes from 3:00 to 2:00: of two the first
        ("Europe/Berlin", date(2026, 10, 25), time(1, 59), "2026-10-24T23:59"),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),
        ("Europe/Berlin", date(2026, 10, 25), time(3, 0), "2026-10-25T02:00"),
        ("America/New_York", date(2026, 3, 8), time(2, 15), "2026-03-08T07:00"),
        ("America/New_York", date(2026, 11, 1), time(1, 15), "2026-11-01T05:15"),
        # half an hour only
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 10), "2026-10-03T15:30"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45"),
        # at midnight: that day has no 0:00
        ("Africa/Cairo", date(2026, 4, 24), time(0, 0), "2026-04-23T22:00"),
        ("America/Santiago", date(2026, 9, 6), time(0, 30), "2026-09-06T04:00"),
        ("Asia/Kathmandu", date(2026, 6, 1), time(12, 0), "2026-06-01T06:15"),
        # a whole day that there was not
        ("Pacific/Apia", date(2011, 12, 30), time(12, 0), "2011-12-30T10:00"),
        ("UTC", date(2026, 1, 1), time(0, 0), "2026-01-01T00:00"),
    ],
)  # fmt: skip
def test_instant_of_a_local_time(zone: str, day: date, clock: time, instant: str) -> None:
    assert outbox.resolve(day, clock, zone) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


def changes(zone: str) -> list[datetime]:
    """Every instant of 2026 and 2027 at which this zone changes its clock, to the second."""
    info = ZoneInfo(zone)
    found = []
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    step = timedelta(days=7)
    while hour.year < 2028:
        early, late = hour, hour + step
        if early.astimezone(info).utcoffset() != late.astimezone(info).utcoffset():
            while late - early > timedelta(seconds=1):
                middle = early + (late - early) / 2
                same = middle.astimezone(info).utcoffset() == early.astimezone(info).utcoffset()
                early, late = (middle, late) if same else (early, middle)
            found.append(late.replace(microsecond=0))
        hour += step
    return found


def test_in_all_zones_and_all_changes_no_time_is_lost_or_early() -> None:
    """Around each change, each quarter of an hour has one instant, not before it by the local clock, in order."""
    seen = 0
    for zone in sorted(available_timezones()):
        info = ZoneInfo(zone)
        for change in changes(zone):
            seen += 1
            local = change.astimezone(info).replace(tzinfo=None, second=0) - timedelta(hours=4)
            instants = []
            for _ in range(32):
                instant = outbox.resolve(local.date(), local.time(), zone)
                shown = instant.astimezone(info).replace(tzinfo=None)
                assert shown >= local, f"{zone}: {local} is due at {shown}"
                assert shown - local <= timedelta(hours=2), f"{zone}: {local} is due at {shown}"
                instants.append(instant)
                local += timedelta(minutes=15)
            assert instants == sorted(instants), zone
    assert seen > 400
