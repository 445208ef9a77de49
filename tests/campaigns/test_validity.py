"""From when and until when a coupon is good, in whole days of the shop's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns import validity
from campaigns.terms import FOREVER, Terms
from tests.campaigns.shelf import percentage

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def berlin(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def span(terms: Terms, issued: str) -> tuple[str | None, str]:
    """Return begin and end as clocks in the shop show them."""
    begins, ends = validity.of(terms, at=at(issued))
    return (begins.astimezone(BERLIN).strftime("%m-%d %H:%M") if begins else None), ends.astimezone(BERLIN).strftime(
        "%m-%d %H:%M"
    )


MAY, JUNE = date(2026, 5, 1), date(2026, 6, 30)


@pytest.mark.parametrize(
    ("terms", "issued", "begins", "ends"),
    [
        # days from issue; the last one is good to its end
        (percentage(valid_days=1), "2026-04-10 00:00", None, "04-12 00:00"),
        (percentage(valid_days=1), "2026-04-10 23:59", None, "04-12 00:00"),
        (percentage(valid_days=30), "2026-04-10 12:00", None, "05-11 00:00"),
        # to the last day
        (percentage(valid_days=None, ends_on=JUNE), "2026-04-10 12:00", None, "07-01 00:00"),
        (percentage(valid_days=30, ends_on=JUNE), "2026-06-20 12:00", None, "07-01 00:00"),
        (percentage(valid_days=5, ends_on=JUNE), "2026-06-20 12:00", None, "06-26 00:00"),
        # from the first day: days count from then
        (percentage(valid_days=10, starts_on=MAY), "2026-04-10 12:00", "05-01 00:00", "05-12 00:00"),
        (percentage(valid_days=10, starts_on=MAY), "2026-05-03 12:00", None, "05-14 00:00"),
        (percentage(valid_days=10, starts_on=MAY), "2026-05-01 00:00", None, "05-12 00:00"),
        (percentage(valid_days=90, starts_on=MAY, ends_on=JUNE), "2026-04-10 12:00", "05-01 00:00", "07-01 00:00"),
        (percentage(valid_days=None, starts_on=MAY, ends_on=MAY), "2026-04-10 12:00", "05-01 00:00", "05-02 00:00"),
        # over the nights when clocks change, 29 March and 25 October 2026
        (percentage(valid_days=1), "2026-03-28 12:00", None, "03-30 00:00"),
        (percentage(valid_days=1), "2026-10-24 12:00", None, "10-26 00:00"),
    ],
)
def test_a_coupon_is_good_in_whole_days_of_the_shop(terms: Terms, issued: str, begins: str | None, ends: str) -> None:
    assert span(terms, issued) == (begins, ends)


def test_the_day_is_the_shops_not_londons() -> None:
    just_after_midnight = datetime(2026, 4, 10, 22, 30, tzinfo=UTC)  # 11 April in the shop
    assert validity.ends_at(just_after_midnight, days=1) == datetime(2026, 4, 12, 22, 0, tzinfo=UTC)
    assert validity.last_day(datetime(2026, 4, 12, 22, 0, tzinfo=UTC)) == date(2026, 4, 12)


@pytest.mark.parametrize(
    ("issued", "hours"), [("2026-03-28 00:00", 47), ("2026-10-24 00:00", 49), ("2026-06-01 00:00", 48)]
)
def test_a_day_with_a_change_of_clocks_is_a_day(issued: str, hours: int) -> None:
    _begins, ends = validity.of(percentage(valid_days=1), at=at(issued))
    assert ends - at(issued) == timedelta(hours=hours)
    assert validity.last_day(ends) == at(issued).astimezone(BERLIN).date() + timedelta(days=1)


def test_an_offer_that_is_over_ends_before_it_could_begin() -> None:
    _begins, ends = validity.of(percentage(valid_days=30, ends_on=JUNE), at=at("2026-07-01 00:00"))
    assert ends == at("2026-07-01 00:00")
    _begins, ends = validity.of(percentage(valid_days=30, ends_on=JUNE), at=at("2026-06-30 23:59"))
    assert ends > at("2026-06-30 23:59")


@pytest.mark.parametrize(
    ("when", "day", "week", "month", "year"),
    [
        ("2026-03-02 00:00", "2026-03-02", "2026-03-02", "2026-03-01", "2026-01-01"),  # a Monday
        ("2026-03-01 23:59", "2026-03-01", "2026-02-23", "2026-03-01", "2026-01-01"),  # a Sunday
        ("2026-01-01 00:30", "2026-01-01", "2025-12-29", "2026-01-01", "2026-01-01"),
        ("2024-02-29 12:00", "2024-02-29", "2024-02-26", "2024-02-01", "2024-01-01"),
        ("2026-03-29 03:30", "2026-03-29", "2026-03-23", "2026-03-01", "2026-01-01"),
    ],
)
def test_a_period_begins_on_a_day_of_the_shop(when: str, day: str, week: str, month: str, year: str) -> None:
    found = [validity.window(at(when), period).isoformat() for period in ("day", "week", "month", "year")]
    assert found == [day, week, month, year]
    assert validity.window(at(when), "ever") == FOREVER


def test_an_hour_before_midnight_utc_may_be_tomorrow_in_the_shop() -> None:
    assert validity.window(datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "year") == date(2027, 1, 1)
