"""Taking in what the shop did before us: resumable, in constant memory, and quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import F

from retention.locks import one_at_a_time
from retention.models import Job, Order
from retention.services import inbox, reading
from retention.shop import get_shop
from retention.watch import Watch

BATCH = 500
KEY = "import:shop"

PEOPLE = "people"
"""Key of the cursor while accounts are taken in: how many were. They are few, so a stop starts them anew."""
ORDERS_FROM = "orders_from"
"""Key of the cursor while orders are taken in: the time of placing up to which they were, None for none."""
AGAIN = "again"
"""Key of the cursor: how many orders of that very instant were taken in; a stop reads them again."""

Progress = Callable[[Job], None]


def take_in_shop(*, at: datetime, batch: int = BATCH, progress: Progress = lambda job: None) -> Job:
    """Read every customer and order that the shop has. Stopped and started again it goes on where it was.

    ``progress`` is called after each batch. Orders of before the shop went live are history: they start no journey,
    so no mail goes out because of this. What cannot be read is left to the drain, which tries again and shows it.
    """
    watch = Watch(at)
    job, made = Job.objects.get_or_create(key=KEY, defaults={"kind": "import", "started_at": at, "moved_at": at})
    if not made and job.state == Job.State.DONE:  # a new round
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, cursor={}, done=0, started_at=at, moved_at=at)
        job.refresh_from_db()
    if ORDERS_FROM not in job.cursor:
        _customers(job, at=at, watch=watch, batch=batch, progress=progress)
    _orders(job, at=at, watch=watch, batch=batch, progress=progress)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, moved_at=watch.now())
    job.refresh_from_db()
    return job


def _customers(job: Job, *, at: datetime, watch: Watch, batch: int, progress: Progress) -> None:
    taken = 0
    for people in _batches(get_shop().iter_customers(), batch):
        taken += len(people)
        with one_at_a_time("retention.drain", wait=True):
            outcome = reading.take_in_people(people, at=at)
            for reference in outcome.failed:
                inbox.record(kind=inbox.CUSTOMER, reference=reference)
            _save(job, {PEOPLE: taken}, done=0, at=watch.now())
        progress(job)
    _save(job, {ORDERS_FROM: None}, done=0, at=watch.now())


def _orders(job: Job, *, at: datetime, watch: Watch, batch: int, progress: Progress) -> None:
    since = job.cursor[ORDERS_FROM]
    # they are read again, which changes nothing, and must not count twice
    _save(job, {ORDERS_FROM: since}, done=-job.cursor.get(AGAIN, 0), at=watch.now())
    references = get_shop().iter_orders(since=datetime.fromisoformat(since) if since else None, until=at)
    for chunk in _batches(references, batch):
        with one_at_a_time("retention.drain", wait=True):
            # not the beginning: who asks what came in since some time finds it
            outcome = reading.read(chunk, at=watch.now())
            for reference in outcome.failed:
                inbox.record(kind="import", reference=reference)
            _save(job, _behind(chunk, job.cursor), done=len(chunk), at=watch.now())
        progress(job)


def _behind(chunk: Sequence[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cursor after these orders. Nothing tells the order of those placed at one instant."""
    placed = Counter(Order.objects.filter(reference__in=chunk).values_list("placed_at", flat=True))
    if not placed:
        return dict(before)
    latest = max(placed)
    same = before.get(AGAIN, 0) if before[ORDERS_FROM] == latest.isoformat() else 0
    return {ORDERS_FROM: latest.isoformat(), AGAIN: placed[latest] + same}


def _save(job: Job, cursor: dict[str, Any], *, done: int, at: datetime) -> None:
    Job.objects.filter(pk=job.pk).update(cursor=cursor, done=F("done") + done, moved_at=at)
    job.refresh_from_db()


def _batches(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch
