"""Reading the inbox: what the shop signalled becomes what the shop says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q

from retention.conf import conf
from retention.locks import one_at_a_time
from retention.models import Signal
from retention.services import inbox, reading

LIMIT = 500
TRIES = 8
"""After this many, with waits that double from a minute, a signal is failed and shown to staff."""


def drain(*, at: datetime, limit: int = LIMIT) -> int:
    """Read the orders that waiting signals name and project them. Returns how many signals were done.

    One at a time: the host is read after the lock is taken, so a late reader never overwrites a newer reading.
    """
    with one_at_a_time("retention.drain") as mine:
        if not mine:
            return 0
        waiting = list(
            Signal.objects.filter(Q(retry_at=None) | Q(retry_at__lte=at), drained_at=None)
            .order_by("pk")
            .values_list("pk", "kind", "reference")[:limit]
        )
        orders: dict[str, list[int]] = {}
        people: dict[str, list[int]] = {}
        for pk, kind, reference in waiting:
            (people if kind == inbox.CUSTOMER else orders).setdefault(reference, []).append(pk)
        if people:
            _note(reading.read_people(list(people), at=at), people, at=at)
        if orders:
            _note(reading.read(list(orders), at=at), orders, at=at)
    return len(waiting)


def _note(outcome: reading.Reading, ids: Mapping[str, Sequence[int]], *, at: datetime) -> None:
    """Write down what came of the signals; ``ids`` are those of each reference."""
    _finish([pk for ref in outcome.found for pk in ids[ref]], Signal.Outcome.READ, at=at)
    _finish([pk for ref in outcome.missing for pk in ids[ref]], Signal.Outcome.UNKNOWN, at=at)
    for reference, trace in outcome.failed.items():
        _postpone(ids[reference], trace, at=at)


def _finish(ids: Sequence[int], outcome: str, *, at: datetime) -> None:
    if ids:
        Signal.objects.filter(pk__in=ids).update(drained_at=at, outcome=outcome, error="")


def _postpone(ids: Sequence[int], trace: str, *, at: datetime) -> None:
    rows = Signal.objects.filter(pk__in=ids)
    tries = (rows.order_by("-tries").values_list("tries", flat=True).first() or 0) + 1
    rows.update(tries=F("tries") + 1, error=trace, retry_at=at + timedelta(minutes=2 ** (tries - 1)))
    rows.filter(tries__gte=TRIES).update(drained_at=at, outcome=Signal.Outcome.FAILED)


def retry(signal: Signal) -> None:
    """Let a failed or unknown signal be read again at the next drain."""
    Signal.objects.filter(pk=signal.pk).update(drained_at=None, retry_at=None, tries=0, outcome=Signal.Outcome.WAITING)


def prune(*, at: datetime) -> int:
    """Delete signals that were read more than ``KEEP_DAYS`` ago. Returns how many."""
    return Signal.objects.filter(drained_at__lt=at - timedelta(days=conf.KEEP_DAYS)).delete()[0]
