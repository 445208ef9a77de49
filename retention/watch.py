"""A clock that starts at a given instant: long work gets on in time, and tests still say when it began."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class Watch:
    """Tells the time since ``at`` was now, in whole seconds."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._started = time.monotonic()

    def now(self) -> datetime:
        """Return ``at`` plus the whole seconds that have passed since, UTC."""
        return self._at + timedelta(seconds=int(time.monotonic() - self._started))
