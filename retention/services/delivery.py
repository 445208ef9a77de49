"""Sending what is due: ask everything that can say no or later, write, say that it is being sent, send, say what
came of it."""

from __future__ import annotations

import uuid
from datetime import datetime

from retention.services import asking, installation, line, outbox, writing
from retention.watch import Watch

BATCH = 100


def deliver(*, at: datetime, limit: int = 500) -> int:
    """Send mails whose time has come, in batches. Returns how many were claimed. Sends nothing while paused."""
    watch = Watch(at)
    outbox.reap(at=at)
    outbox.promote(at=at)
    count = 0
    while count < limit and not installation.get().paused_at:
        at = watch.now()
        owner = uuid.uuid4().hex
        claimed = outbox.claim(owner=owner, at=at, limit=min(BATCH, limit - count))
        if not claimed:
            break
        count += len(claimed)
        ready = writing.write(asking.refuse(claimed, at=at), at=at)
        if not line.send_all(ready, watch):
            break  # no line to the mail server: what is left waits for the next round
    return count
