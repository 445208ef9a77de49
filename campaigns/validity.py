"""How long a coupon is good: whole days of the shop's zone, so that the last one is good to its end."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from campaigns.terms import FOREVER, Period, Terms
from retention.conf import conf


def zone() -> ZoneInfo:
    """Return the shop's zone."""
    return ZoneInfo(conf.TIME_ZONE or settings.TIME_ZONE)


def begin_of(day: date) -> datetime:
    """Return the first instant of a day."""
    return datetime.combine(day, time.min, tzinfo=zone())


def ends_at(at: datetime, *, days: int) -> datetime:
    """Return the first instant at which a coupon issued at ``at`` for ``days`` days is over."""
    return begin_of(at.astimezone(zone()).date() + timedelta(days=days + 1))


def last_day(expires_at: datetime) -> date:
    """Return the last day, in the shop's zone, on which a coupon is good."""
    return (expires_at - timedelta(microseconds=1)).astimezone(zone()).date()


def of(terms: Terms, *, at: datetime) -> tuple[datetime | None, datetime]:
    """Return from when (None: at once) and until when a coupon of these terms issued at ``at`` is good.

    Days count from issue, or from the first day where that is later; the last day of the offer ends them all.
    The end is not after ``at`` where the offer is over.
    """
    begins = begin_of(terms.starts_on) if terms.starts_on else None
    starts_at = begins if begins and begins > at else None
    ends = []
    if terms.valid_days is not None:
        ends.append(ends_at(starts_at or at, days=terms.valid_days))
    if terms.ends_on is not None:
        ends.append(begin_of(terms.ends_on + timedelta(days=1)))
    return starts_at, min(ends)


def window(at: datetime, period: str) -> date:
    """Return the first day, in the shop's zone, of the period that ``at`` is in; weeks begin on Monday."""
    day = at.astimezone(zone()).date()
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.YEAR:
            return day.replace(month=1, day=1)
    return FOREVER
