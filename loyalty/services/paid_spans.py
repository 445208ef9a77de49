"""From when until when terms run: pure arithmetic on the shop's calendar.

Terms of one plan follow each other without a gap: who buys again while one runs has the next from its end on.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from retention.conf import conf as ground

SOON = timedelta(days=30)
"""Who buys again within so many days after the end has renewed."""

LONGEST = 12 * 100
"""Months: as good as for ever, and no date that a calendar does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """What one term is worth."""

    name: str
    """Unlike any other's; of two that are ready at one instant it decides which is first."""
    months: int
    """Of all its units; 0: nothing stands of it."""
    ready_at: datetime
    ended_at: datetime | None = None
    """When staff ended it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    starts_at: datetime
    ends_at: datetime
    renews: bool


def lay(pieces: Iterable[Piece]) -> dict[str, Span]:
    """Return name → when a term runs, without those that do not run at all. The order of the pieces is no matter."""
    spans: dict[str, Span] = {}
    anchor: datetime | None = None
    end: datetime | None = None
    months = 0
    for piece in sorted(pieces, key=lambda piece: (piece.ready_at, piece.name)):
        if piece.months < 1:
            continue
        if anchor is None or end is None or piece.ready_at > end:
            anchor, months, start = piece.ready_at, 0, piece.ready_at
        else:
            start = end
        # counted from the first day of all that follow each other: a month from 31 January does not end on the 28th
        # of every month after
        full = later(anchor, months + piece.months)
        stop = min(full, piece.ended_at) if piece.ended_at is not None else full
        if stop <= start:
            continue
        spans[piece.name] = Span(starts_at=start, ends_at=stop, renews=end is not None and start <= end + SOON)
        end = stop
        anchor, months = (anchor, months + piece.months) if stop == full else (stop, 0)
    return spans


def later(at: datetime, months: int) -> datetime:
    """Return the same hour so many months later in the shop's zone, on the last day of a month that is too short."""
    zone = ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)
    local = at.astimezone(zone)
    count = local.year * 12 + local.month - 1 + min(months, LONGEST)
    year, month = count // 12, count % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    full = local.replace(year=year, month=month, day=day).astimezone(at.tzinfo)
    return at + (full - at) / ground.SPEED
