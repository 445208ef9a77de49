"""How the installation is doing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Min

from retention.broker import find_app, is_reachable
from retention.conf import conf
from retention.models import Heartbeat, Message, Signal

TICK = "retention.drain"


def look(*, at: datetime) -> dict[str, Any]:
    """Return what is well and what is not: database, broker, oldest due item, last tick.

    Ages are seconds. Without a Celery app the broker is not asked: `retention_run` needs none.
    """
    try:
        oldest_mail = Message.objects.due(at=at).aggregate(at=Min("due_at"))["at"]
        oldest_signal = Signal.objects.filter(drained_at=None).aggregate(at=Min("created_at"))["at"]
        beat = Heartbeat.objects.filter(name=TICK).values_list("at", flat=True).first()
    except DatabaseError as error:
        return {"ok": False, "database": type(error).__name__}
    broker = is_reachable() if find_app() else "not used"
    ticking = beat is not None and at - beat <= timedelta(seconds=conf.HEARTBEAT_SECONDS)
    return {
        "ok": ticking and broker in ("", "not used"),
        "database": "ok",
        "broker": broker or "ok",
        "oldest_due_seconds": _age(oldest_mail, at),
        "oldest_signal_seconds": _age(oldest_signal, at),
        "last_tick_seconds": _age(beat, at),
    }


def _age(moment: datetime | None, at: datetime) -> int | None:
    return None if moment is None else max(0, int((at - moment).total_seconds()))
