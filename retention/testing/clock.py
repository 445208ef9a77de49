"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """``clock.now`` is what tests hand on as ``at``."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def forward(self, **much: float) -> datetime:
        """Go on by ``days=``, ``hours=``, ``minutes=`` or ``seconds=``. Returns the new time."""
        self.now += timedelta(**much)
        return self.now
