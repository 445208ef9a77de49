"""Codes in bulk: asked for once, made in the background so many at a time, each exactly once.

All codes of a batch are alike: they carry the terms and the dates of the moment at which it was asked for, however
long making them takes and whatever becomes of the offer meanwhile.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, TextField, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from campaigns.models import CouponBatch, Offer, OfferVersion
from campaigns.reasons import Reason
from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from retention import moments
from retention.locks import one_at_a_time, passes
from retention.models import Job
from retention.redaction import without_addresses
from retention.rows import batch_size

log = logging.getLogger(__name__)

KIND = "campaigns.batch"
SOURCE = "batch"

MOST = 1_000_000
STEP = 1000
"""Codes in one transaction; on SQLite fewer."""
PER_TICK = 3000
"""Codes after which the other ticks get their turn; on SQLite a third."""
STOPPED = "stopped"
"""Parameter of a job that somebody stopped: nothing is broken then."""
PAUSE = 0.01
"""Seconds between two transactions on SQLite, where whoever else wants to write must wait for ours."""

State = Job.State


class Closed(Exception):
    """The offer gives no coupons; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason.label))
        self.reason = reason


class _Overtaken(Exception):
    """Somebody else has carried the job on, or stopped it, in the meantime."""


def start(
    offer: Offer,
    *,
    name: str,
    count: int,
    prefix: str = "",
    currency: str = "",
    by: str = "",
    key: str = "",
    at: datetime,
) -> CouponBatch:
    """Ask for codes of an offer; a tick makes them. The same ``key`` again returns the same batch.

    ``prefix`` and ``currency`` empty: the offer's, and its first. Raises Closed; ValueError for a count that is not
    1 to a million.
    """
    if not 1 <= count <= MOST:
        raise ValueError(count)
    key = f"{KIND}:{key or secrets.token_urlsafe(12)}"
    known = CouponBatch.objects.filter(job__key=key).first()
    if known is not None:
        return known
    reason = offers.closed(offer, at=at)
    if reason:
        raise Closed(reason)
    with transaction.atomic():
        job, made = Job.objects.get_or_create(
            key=key,
            defaults={
                "kind": KIND,
                "parameters": {"version": offers.current(offer).pk, "currency": currency},
                "cursor": {"made": 0},
                "total": count,
                "started_at": at,
                "moved_at": at,
            },
        )
        if not made:
            return CouponBatch.objects.get(job=job)
        return CouponBatch.objects.create(
            offer=offer, name=name[:100], count=count, prefix=prefix, job=job, made_by=by[:150], created_at=at
        )


def carry_on(*, at: datetime, most: int | None = None) -> int:
    """Make some codes of each batch that is not done, in turns, up to ``most`` in all. Returns how many were made.

    May be killed anywhere and may run at the same time as itself: codes, cursor and progress are one transaction.
    """
    most = most or (PER_TICK // 3 if connection.vendor == "sqlite" else PER_TICK)
    running = Job.objects.filter(kind=KIND, state=State.RUNNING)
    turns = deque(running.order_by("moved_at", "pk").values_list("pk", flat=True))
    made = 0
    while turns and made < most:
        job = turns.popleft()
        done = _try(job, limit=most - made, at=at)
        if done:
            made += done
            turns.append(job)
            if connection.vendor == "sqlite":
                time.sleep(PAUSE)
    return made


def _try(job: int, *, limit: int, at: datetime) -> int:
    """Make the next codes of one batch. Returns how many; 0 where it is done, stopped, or somebody else's just now."""
    try:
        with one_at_a_time(f"{KIND}:{job}") as mine:
            return _step(job, limit=limit, at=at) if mine else 0
    except _Overtaken:
        return 0
    except Exception as error:
        if passes(error):
            raise  # the next tick tries again
        log.exception("codes of a batch could not be made")
        words = str(error) if isinstance(error, Closed) else f"{type(error).__name__}: {error}"
        _end(job, without_addresses(words)[:500], at=at)
        return 0


def _step(pk: int, *, limit: int, at: datetime) -> int:
    job = Job.objects.get(pk=pk)
    batch = CouponBatch.objects.select_related("offer").get(job=job)
    before = int(job.cursor["made"])
    count = min(batch_size(STEP), batch.count - before, limit)
    if job.state != State.RUNNING:
        return 0
    issued = coupons.issue_many(
        [Wish(key=f"batch:{batch.pk}:{before + n}", currency=job.parameters["currency"]) for n in range(1, count + 1)],
        offer=batch.offer,
        source=SOURCE,
        at=batch.created_at,
        batch=batch,
        version=OfferVersion.objects.get(pk=job.parameters["version"]),
    )
    for reason in issued.refused.values():
        raise Closed(reason)
    made = before + count
    moved = Job.objects.filter(pk=pk, state=State.RUNNING, done=before).update(
        cursor={"made": made},
        done=made,
        state=State.DONE if made == batch.count else State.RUNNING,
        moved_at=at,
    )
    if not moved:
        raise _Overtaken
    return count


def stop(batch: CouponBatch, *, by: str, at: datetime) -> bool:
    """Make no more codes until somebody says so; those that are made stay good. False where nothing was under way."""
    job = Job.objects.get(pk=batch.job_id)
    return _end(job.pk, _("Stopped by %(name)s.") % {"name": by}, at=at, parameters={**job.parameters, STOPPED: True})


def retry(batch: CouponBatch, *, at: datetime) -> bool:
    """Go on with a batch that stopped, where it stopped. False where it had not."""
    job = Job.objects.get(pk=batch.job_id)
    kept = {name: value for name, value in job.parameters.items() if name != STOPPED}
    stopped = Job.objects.filter(pk=job.pk, state=State.FAILED)
    return stopped.update(state=State.RUNNING, parameters=kept, moved_at=at) == 1


def _end(job: int, words: str, *, at: datetime, **more: Any) -> bool:
    line = Value(f"{moments.show(at)}: {words}\n", output_field=TextField())
    running = Job.objects.filter(pk=job, state=State.RUNNING)
    return running.update(state=State.FAILED, log=Concat(F("log"), line), moved_at=at, **more) == 1
