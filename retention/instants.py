"""From a local date and time to the instant that they name."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def resolve(day: date, clock: time, zone: str | ZoneInfo, *, late: bool = False) -> datetime:
    """Return the instant of a local date and time; one that the clock skips is the first instant after the gap.

    Of two (the clock is put back) it is the first, or with ``late`` the second. Raises ZoneInfoNotFoundError and
    ValueError for what is no zone.
    """
    zone_info = zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)
    wanted = datetime.combine(day, clock)
    instant = wanted.replace(tzinfo=zone_info).astimezone(UTC)
    if instant.astimezone(zone_info).replace(tzinfo=None) == wanted:
        return wanted.replace(tzinfo=zone_info, fold=1).astimezone(UTC) if late else instant
    # in the gap: the offset that holds after it names an instant before it, so look for the jump between
    early, until = instant - timedelta(hours=25), instant  # Samoa once skipped a day
    while until - early > timedelta(seconds=1):
        middle = early + (until - early) / 2
        early, until = (
            (middle, until) if middle.astimezone(zone_info).replace(tzinfo=None) < wanted else (early, middle)
        )
    return until.replace(microsecond=0)
