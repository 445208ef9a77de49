"""When points end: pure arithmetic on the shop's calendar."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from loyalty.models.programme import Expires
from retention.conf import conf as ground

SPANS = {Expires.MONTH: 1, Expires.QUARTER: 3, Expires.YEAR: 12}


def of(expires: str, after: int | None, *, opened: datetime) -> datetime | None:
    """Return from when on points that opened then are no more, UTC; None: never.

    ``after`` is days, or months: the points then live until the end of that month, quarter or year in the shop's zone.
    """
    if expires == Expires.NEVER or not after:
        return None
    if expires in (Expires.DAYS, Expires.INACTIVE):
        return opened + timedelta(days=after) / ground.SPEED
    zone = ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)
    local = opened.astimezone(zone)
    months = local.year * 12 + local.month - 1 + after
    span = SPANS[Expires(expires)]
    months += span - months % span  # the first month that is not in it any more
    first = local.date().replace(year=months // 12, month=months % 12 + 1, day=1)
    return datetime.combine(first, time(), zone).astimezone(opened.tzinfo)
