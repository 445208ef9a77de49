"""Quiet hours: when no marketing mail and no survey starts, by the clock on the recipient's own wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from retention.conf import conf
from retention.instants import resolve
from retention.models import Sending

DAY = timedelta(days=1)
LONGEST = 4
"""Windows in a row, where one begins before the last has ended: they last nearly a day and the clock is changed."""


class Hours(NamedTuple):
    """From, inclusive, and until, exclusive; ``start`` after ``end`` goes over midnight."""

    start: time
    end: time


def hours(sending: Sending) -> Hours | None:
    """Return the merchant's quiet hours; None where there are none."""
    if sending.quiet_from is None or sending.quiet_until is None:
        return None
    return Hours(sending.quiet_from, sending.quiet_until)


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of this name; where there is no such zone the shop's, whatever the name is."""
    for one in (name, conf.TIME_ZONE, settings.TIME_ZONE):
        if found := _zone(one):
            return found
    return ZoneInfo("UTC")


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):  # unknown; not a name at all; the name of a folder
        return None


def ends(at: datetime, zone: ZoneInfo, quiet: Hours) -> datetime | None:
    """Return when the quiet hours that hold at ``at`` are over, UTC; None where none hold.

    Where the clock is changed they are as long as they can be: from the first time that it says ``start`` to the
    last time that it says ``end``; what the clock skips counts as the first instant after it.
    """
    until = None
    for _ in range(LONGEST):
        moment = until or at
        day = moment.astimezone(zone).date()
        later = [end for start, end in _windows(day, zone, quiet) if start <= moment < end]
        if not later:
            return until
        until = max(later)
    return until


def begins(at: datetime, zone: ZoneInfo, quiet: Hours) -> datetime:
    """Return when the next quiet hours after ``at`` begin, UTC."""
    day = at.astimezone(zone).date()
    return min(
        start for start, end in _windows(day + DAY, zone, quiet) + _windows(day, zone, quiet) if end > start > at
    )


def _windows(day: date, zone: ZoneInfo, quiet: Hours) -> list[tuple[datetime, datetime]]:
    """Return the windows that can hold on a day: that of the day before may last into it."""
    return [_window(day + offset * DAY, zone, quiet) for offset in (-1, 0, 1)]


@lru_cache(maxsize=8192)
def _window(day: date, zone: ZoneInfo, quiet: Hours) -> tuple[datetime, datetime]:
    last = day if quiet.start < quiet.end else day + DAY
    try:
        return resolve(day, quiet.start, zone), resolve(last, quiet.end, zone, late=True)
    except OverflowError:  # the last days that there are
        return datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
