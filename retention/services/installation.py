"""Going live, pausing, resuming."""

from __future__ import annotations

from datetime import datetime

from retention.models import Installation


def get() -> Installation:
    """Return the one row about this installation."""
    return Installation.objects.get_or_create(pk=1)[0]


def go_live(*, at: datetime) -> datetime:
    """Stamp, once, since when orders are news. Returns the stamp, the earlier one if there was one."""
    get()
    Installation.objects.filter(pk=1, live_since=None).update(live_since=at)
    live_since = get().live_since
    assert live_since is not None
    return live_since


def pause(*, by: str, at: datetime) -> bool:
    """Stop all sending of the shop; False when it was paused already."""
    get()
    return Installation.objects.filter(pk=1, paused_at=None).update(paused_at=at, paused_by=by[:150]) == 1


def resume() -> bool:
    """Let mail go out again; False when it was not paused."""
    return Installation.objects.filter(pk=1, paused_at__isnull=False).update(paused_at=None, paused_by="") == 1


def settle_consents(*, by: str, at: datetime) -> bool:
    """Note, once, that what people had said elsewhere is taken in, or that there is nothing; False if it was noted."""
    get()
    unsettled = Installation.objects.filter(pk=1, consents_settled_at=None)
    return unsettled.update(consents_settled_at=at, consents_settled_by=by[:150]) == 1
