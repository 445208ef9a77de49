"""Taking in what the shop did before us: resumable, in constant memory, and quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import F

from retention.locks import one_at_a_time
from retention.models import Job, Order
from retention.services import customers, inbox, reading
from retention.shop import get_shop

BATCH = 500
KEY = "import:shop"

Progress = Callable[[Job], None]


def take_in_shop(*, at: datetime, batch: int = BATCH, progress: Progress = lambda job: None) -> Job:
    """Read every customer and order that the shop has. Stopped and started again it goes on where it was.

    ``progress`` is called after each batch. Orders of before the shop went live are history: they start no journey,
    so no mail goes out because of this.
    """
    job, made = Job.objects.get_or_create(key=KEY, defaults={"kind": "import", "started_at": at, "moved_at": at})
    if not made and job.state == Job.State.DONE:  # a new round
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, cursor={}, done=0, started_at=at, moved_at=at)
        job.refresh_from_db()
    _customers(job, at=at, batch=batch, progress=progress)
    _orders(job, at=at, batch=batch, progress=progress)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, moved_at=at)
    job.refresh_from_db()
    return job


def _customers(job: Job, *, at: datetime, batch: int, progress: Progress) -> None:
    """Take in the shop's accounts; they are few, so a stop starts them anew, which changes nothing."""
    if "orders_from" in job.cursor:
        return
    for people in _batches(get_shop().iter_customers(), batch):
        with one_at_a_time("retention.drain", wait=True):
            customers.take_in(people, at=at)
        progress(job)
    _save(job, {"orders_from": None}, done=0, at=at)


def _orders(job: Job, *, at: datetime, batch: int, progress: Progress) -> None:
    since = job.cursor["orders_from"]
    references = get_shop().iter_orders(since=datetime.fromisoformat(since) if since else None, until=at)
    for chunk in _batches(references, batch):
        with one_at_a_time("retention.drain", wait=True):
            outcome = reading.read(chunk, at=at)
            for reference in outcome.failed:
                inbox.record(kind="import", reference=reference)
            latest = (
                Order.objects.filter(reference__in=chunk).order_by("-placed_at").values_list("placed_at", flat=True)
            ).first()
            # orders of that very instant are read again after a stop, which changes nothing
            cursor = {"orders_from": latest.isoformat() if latest else job.cursor["orders_from"]}
            _save(job, cursor, done=len(chunk), at=at)
        progress(job)


def _save(job: Job, cursor: dict[str, Any], *, done: int, at: datetime) -> None:
    Job.objects.filter(pk=job.pk).update(cursor=cursor, done=F("done") + done, moved_at=at)
    job.refresh_from_db()


def _batches(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch
