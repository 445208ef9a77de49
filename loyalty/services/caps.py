"""Limits on what one member can get in a day, a month, and in all: how much of each is used, and what it stops.

Days and months are the shop's. Use it while the accounts are locked: a ``Book`` is open. What is written is the
difference, so that even without the lock the database refuses to go above a limit (``loyalty_tally_within_cap``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Case, F, Value, When

from loyalty.models import CapTally, Programme
from loyalty.models.tally import Period
from retention.conf import conf as ground

ALWAYS = date(1970, 1, 1)
"""The first day of a programme's only period."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """Whose limits are asked for, and when what they got happened."""

    account: int
    programme: Programme
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Points that somebody did not get, and the limit that stopped them."""

    points: int
    period: str
    most: int

    def told(self) -> dict[str, Any]:
        """Return it as an entry of the ledger keeps it."""
        return {"stopped": self.points, "limit": self.period, "most": self.most}


def limits(programme: Programme, at: datetime) -> Iterator[tuple[Period, date, int]]:
    """Yield the limits of a programme: which, the first day of the period that ``at`` is in, and how many points."""
    most = {Period.DAY: programme.cap_day, Period.MONTH: programme.cap_month, Period.PROGRAMME: programme.cap_total}
    for period, starts in periods(at):
        if (points := most[period]) is not None:
            yield period, starts, points


def periods(at: datetime) -> Iterator[tuple[Period, date]]:
    """Yield every period that limits can be for, with the first day of the one that ``at`` is in."""
    day = at.astimezone(ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)).date()
    yield Period.DAY, day
    yield Period.MONTH, day.replace(day=1)
    yield Period.PROGRAMME, ALWAYS


Key = tuple[int, int, str, date]
"""Account, programme, period and its first day."""

ADD = """
INSERT INTO {tally} (account_id, programme_id, period, starts, used, most) VALUES {rows}
ON CONFLICT (account_id, programme_id, period, starts) DO UPDATE SET
    used = {tally}.used + excluded.used, most = excluded.most
"""


class Caps:
    """What is used of the limits of some locked accounts. One query to read, up to two to close."""

    def __init__(self, needs: Collection[Need], *, also_off: bool = False) -> None:
        """``also_off``: limits that are taken off now are read, too, since points may go back that they had counted."""
        self._rows: dict[Key, CapTally] = {}
        self._more: dict[Key, int] = defaultdict(int)
        self._most: dict[Key, int] = {}
        keys = {key for need in needs for key in (self._all(need) if also_off else self._on(need))}
        if not keys:
            return
        rows = CapTally.objects.filter(
            account__in={key[0] for key in keys},
            programme__in={key[1] for key in keys},
            starts__in={key[3] for key in keys},
        )
        self._rows = {(row.account_id, row.programme_id, row.period, row.starts): row for row in rows}

    @staticmethod
    def _on(need: Need) -> dict[Key, int]:
        """Return the limits that are set, and how many points each lets through."""
        found = limits(need.programme, need.at)
        return {(need.account, need.programme.pk, period.value, starts): most for period, starts, most in found}

    @staticmethod
    def _all(need: Need) -> list[Key]:
        return [(need.account, need.programme.pk, period.value, starts) for period, starts in periods(need.at)]

    def take(self, need: Need, points: int) -> tuple[int, Stopped | None]:
        """Count points for every limit, as many as all of them leave. Returns how many, and what stopped the rest."""
        tightest: tuple[int, str, int] | None = None
        on = self._on(need)
        for key, most in on.items():
            room = max(0, most - self._used(key))
            if tightest is None or room < tightest[0]:
                tightest = (room, key[2], most)
        given = points if tightest is None else min(points, tightest[0])
        if given:
            for key, most in on.items():
                self._more[key] += given
                self._most[key] = most
        if given == points or tightest is None:
            return given, None
        return given, Stopped(points=points - given, period=tightest[1], most=tightest[2])

    def give_back(self, need: Need, points: int) -> None:
        """Count some fewer: what was counted has gone back. Limits count it that are off meanwhile, too."""
        for key in self._all(need) if points else ():
            self._more[key] -= min(points, self._used(key))
        for key, most in self._on(need).items():
            self._most.setdefault(key, most)

    def _used(self, key: Key) -> int:
        return (self._rows[key].used if key in self._rows else 0) + self._more[key]

    def close(self) -> None:
        """Write what has changed."""
        if more := sorted(key for key, points in self._more.items() if points > 0):
            table = connection.ops.quote_name(CapTally._meta.db_table)
            rows = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(more))
            adapt = connection.ops.adapt_datefield_value
            values = [value for key in more for value in (*key[:3], adapt(key[3]), self._more[key], self._most[key])]
            with connection.cursor() as cursor:
                cursor.execute(ADD.format(tally=table, rows=rows), values)
        fewer = {self._rows[key].pk: points for key, points in self._more.items() if points < 0 and key in self._rows}
        if fewer:
            changes = [When(pk=pk, then=Value(points)) for pk, points in fewer.items()]
            change = Case(*changes, default=Value(0), output_field=BigIntegerField())
            CapTally.objects.filter(pk__in=fewer).update(used=F("used") + change)


def would_stop(programme: Programme, *, customer: int | None, points: int, at: datetime) -> int:
    """Return how many of these points limits would stop now. ``customer``: None for somebody who has none yet."""
    room = points
    held = list(limits(programme, at))
    used = (
        {
            (period, starts): number
            for period, starts, number in CapTally.objects.filter(
                account__customer=customer, programme=programme, starts__in={starts for _, starts, _ in held}
            ).values_list("period", "starts", "used")
        }
        if customer
        else {}
    )
    for period, starts, most in held:
        room = min(room, max(0, most - used.get((period.value, starts), 0)))
    return points - room
