"""Doing what is due: the database is the schedule, whoever asks is only an engine."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Value
from django.db.models.functions import Greatest

from retention import registry
from retention.models import Heartbeat
from retention.redaction import without_addresses
from retention.registry import Tick

log = logging.getLogger(__name__)

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def run_due(*, at: datetime) -> int:
    """Run each tick whose interval has passed. Returns how many items they did.

    The heartbeat's conditional UPDATE takes the turn, so a doubled or late call does nothing twice.
    """
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    missing = [tick.name for tick in registry.ticks if tick.name not in beats]
    if missing:
        Heartbeat.objects.bulk_create([Heartbeat(name=name, at=LONG_AGO) for name in missing], ignore_conflicts=True)
    done = 0
    for tick in registry.ticks:
        due = at - timedelta(seconds=tick.every) + SLACK
        if beats.get(tick.name, LONG_AGO) > due:
            continue
        if Heartbeat.objects.filter(name=tick.name, at__lte=due).update(at=at):
            done += run(tick, at=at)
    return done


SLACK = timedelta(milliseconds=500)
"""A clock that ticks every two seconds is not always on the dot."""


def run(tick: Tick, *, at: datetime) -> int:
    """Run one tick now and write its heartbeat; an error is logged, kept on the heartbeat, and tried again."""
    started = time.monotonic()
    did, error = 0, ""
    try:
        did = tick.run(at)
    except Exception as failure:
        log.exception("tick %s failed", tick.name)
        error = without_addresses(f"{type(failure).__name__}: {failure}")[:2000]
        if connection.in_atomic_block is False and connection.connection and not connection.is_usable():
            connection.close()
    told = {"took_ms": int((time.monotonic() - started) * 1000), "did": did, "error": error}
    # one that took long must not set the clock back behind who ran it meanwhile
    if not Heartbeat.objects.filter(name=tick.name).update(at=Greatest("at", Value(at)), **told):
        Heartbeat.objects.update_or_create(name=tick.name, defaults={"at": at, **told})
    return did
