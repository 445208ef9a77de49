"""Shops change orders without telling anyone: finding what the inbox was not told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import QuerySet

from retention.conf import conf
from retention.locks import one_at_a_time
from retention.models import Installation, Order
from retention.services import inbox, installation, reading
from retention.shop import get_shop

BATCH = 200
YOUNG = timedelta(days=2)
MIDDLE = timedelta(days=14)


def sweep_new(*, at: datetime) -> int:
    """Read orders placed since the last sweep, less ``SWEEP_OVERLAP_HOURS``. Returns how many changed."""
    state = installation.get()
    since = (state.swept_until or state.live_since or at) - timedelta(hours=conf.SWEEP_OVERLAP_HOURS)
    changed = _read_all(get_shop().iter_orders(since=since, until=at), at=at)
    Installation.objects.filter(pk=1).update(swept_until=at)
    return changed


def sweep_open(*, at: datetime, older: timedelta = timedelta(0), younger: timedelta = YOUNG) -> int:
    """Read again orders that are not final and whose age is in ``[older, younger)``. Returns how many changed."""
    rows = Order.objects.filter(final=False, placed_at__gt=at - younger, placed_at__lte=at - older)
    return _read_all(_references(rows), at=at)


def sweep_old(*, at: datetime) -> int:
    """Read again every order not final and older than two weeks, and final ones for late refunds, nightly."""
    changed = sweep_open(at=at, older=MIDDLE, younger=timedelta(days=3650))
    final = Order.objects.filter(final=True, placed_at__gt=at - timedelta(days=conf.SWEEP_FINAL_DAYS))
    return changed + _read_all(_references(final), at=at)


def _references(rows: QuerySet[Order]) -> Iterator[str]:
    """Yield references by primary key, page by page: a cursor would not outlive our commits."""
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "reference")[:BATCH]):
        last = page[-1][0]
        yield from (reference for _, reference in page)


def _read_all(references: Iterable[str], *, at: datetime) -> int:
    changed = 0
    rest = iter(references)
    while batch := list(islice(rest, BATCH)):
        with one_at_a_time("retention.drain", wait=True):
            outcome = reading.read(batch, at=at)
            for reference in outcome.failed:
                inbox.record(kind="sweep", reference=reference)  # tried again, and shown, like any signal
        changed += outcome.changed
    return changed
