"""Rebuilding what members have used of limits, from what their orders and actions brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Subquery, Sum
from django.db.models.functions import TruncDate

from loyalty.models import ActionAward, CapTally, OrderAward
from loyalty.models.tally import Period
from loyalty.services.caps import ALWAYS, Key
from retention.conf import conf as ground
from retention.models import Order

DAY = timedelta(days=1)


def beyond() -> Iterator[tuple[CapTally, int]]:
    """Yield each tally that counts more than there is, with what there is: up to four queries.

    Less is no mistake: a limit counts from when it was set, and not while it is taken off. A tally that moves while the
    awards are added up says nothing about them, so it is left for the next time.
    """
    tallies = list(CapTally.objects.filter(used__gt=0).order_by("pk"))
    if not tallies:
        return
    there, nearby = defaultdict[Key, int](int), defaultdict[Key, int](int)
    for found in (_orders(), _actions()):
        for account, programme, day, points in found:
            for period, starts in _periods(day):
                there[account, programme, period, starts] += points
            for period, starts in {*_periods(day - DAY), *_periods(day), *_periods(day + DAY)}:
                nearby[account, programme, period, starts] += points
    # a shop that has moved to another zone has had other days
    more = [tally for tally in tallies if tally.used > nearby.get(_key(tally), 0)]
    now = dict(CapTally.objects.filter(pk__in=[tally.pk for tally in more]).values_list("pk", "used")) if more else {}
    for tally in more:
        if now.get(tally.pk) == tally.used:
            yield tally, there.get(_key(tally), 0)


def _key(tally: CapTally) -> Key:
    return tally.account_id, tally.programme_id, tally.period, tally.starts


def _periods(day: date) -> tuple[tuple[str, date], ...]:
    return (Period.DAY.value, day), (Period.MONTH.value, day.replace(day=1)), (Period.PROGRAMME.value, ALWAYS)


def _orders() -> Iterator[tuple[int, int, date, int]]:
    placed = Order.objects.filter(reference=OuterRef("order")).values("placed_at")[:1]
    rows: Any = OrderAward.objects.filter(Exists(_limited("account")), counted__gt=0, rate__isnull=False)
    rows = rows.annotate(day=TruncDate(Subquery(placed), tzinfo=_zone())).filter(day__isnull=False)
    sums = rows.order_by().values_list("account", "rate__programme", "day").annotate(n=Sum("counted"))
    yield from sums.iterator()


def _actions() -> Iterator[tuple[int, int, date, int]]:
    rows = ActionAward.objects.filter(Exists(_limited("entry__account")), entry__isnull=False)
    rows = rows.annotate(day=TruncDate("at", tzinfo=_zone()))
    given = Sum(F("points") - F("stopped"))
    yield from rows.order_by().values_list("entry__account", "rule__programme", "day").annotate(n=given).iterator()


def _limited(account: str) -> Any:
    return CapTally.objects.filter(account=OuterRef(account))


def _zone() -> ZoneInfo:
    return ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)
