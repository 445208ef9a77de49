"""How long a coupon is good: whole days of the shop's zone, so that the last one is good to its end."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from retention.conf import conf


def _zone() -> ZoneInfo:
    return ZoneInfo(conf.TIME_ZONE or settings.TIME_ZONE)


def ends_at(at: datetime, *, days: int) -> datetime:
    """Return the first instant at which a coupon issued at ``at`` for ``days`` days is over."""
    zone = _zone()
    after = at.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(after, time.min, tzinfo=zone)


def last_day(expires_at: datetime) -> date:
    """Return the last day, in the shop's zone, on which a coupon is good."""
    return (expires_at - timedelta(microseconds=1)).astimezone(_zone()).date()
