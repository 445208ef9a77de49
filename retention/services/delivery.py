"""Sending what is due: ask everything that can say no or not yet, write, say that it is being sent, send, say what
came of it."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import datetime
from time import monotonic

from retention.models import Sending
from retention.services import asking, holding, installation, line, outbox, rates, sending, unsettled, writing
from retention.services.starting import Starter
from retention.watch import Watch

LEAST, FIRST, MOST = 10, 100, 400
"""Mails that are claimed at once. Each batch asks its own questions, so many are quick; but what is urgent waits until
a batch is over."""
QUICK, SLOW = 1.0, 4.0
"""Seconds of a batch, under which the next is twice as large, and above which it is half."""


def deliver(*, at: datetime, limit: int = 500) -> int:
    """Send mails whose time has come, in batches. Returns how many were claimed. Sends nothing while paused."""
    watch = Watch(at)
    outbox.reap(at=at)
    outbox.promote(at=at)
    count, size = 0, FIRST
    with closing(Starter()) as starter:
        while count < limit and not installation.get().paused_at:
            began = monotonic()
            claimed, goes_on = _deliver_batch(sending.get(), starter, watch, limit=min(size, limit - count))
            count += claimed
            if not goes_on:
                break
            size = _next_size(size, took=monotonic() - began)
    return count


def _next_size(size: int, *, took: float) -> int:
    """Return how many to claim next after a batch of this size took so many seconds."""
    if took < QUICK:
        return min(size * 2, MOST)
    return max(size // 2, LEAST) if took > SLOW else size


def _deliver_batch(choices: Sending, starter: Starter, watch: Watch, *, limit: int) -> tuple[int, bool]:
    """Returns how many were claimed, and whether there may be more that can be sent now."""
    at = watch.now()
    limits = rates.common(choices, at=at)
    room = rates.room(limits)
    if room == 0:
        return 0, False  # what is due waits where it is: nothing is woken before there is room
    limit = limit if room is None else min(limit, room)
    claimed = outbox.claim(owner=uuid.uuid4().hex, at=at, limit=limit, stopped=choices.stopped_at is not None)
    if not claimed:
        return 0, False
    asked = unsettled.hold(asking.refuse(claimed, at=at), at=at)
    going = holding.hold(asked, sending=choices, limits=limits, at=at)
    ready = writing.prepare(going.messages, at=at)
    for item in ready:
        item.until = going.until.get(item.message.pk)
    try:
        # without a line what is left waits for the next round
        return len(claimed), line.send_all(ready, starter, watch)
    finally:
        holding.release(going, started={item.message.pk for item in ready if item.started})
