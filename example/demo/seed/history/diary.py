"""The year as it passes: what happens at which time, and the ticks in between."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count, cycle

import time_machine

from retention import registry

Act = Callable[[datetime], None]

HOURS = (8, 19, 12, 10, 21, 9, 17)
"""At which hour (UTC) the ticks run, round after round; in a real shop it is every two seconds."""

DAILY = timedelta(days=45)
PAUSE = 3
"""Before the last days they run every third day only: nobody looks so closely, and the year is done sooner."""

FIRST, LAST = "retention.drain", "retention.deliver"
LEFT_OUT = ("retention.sweep", "retention.prune", "loyalty.verify")
"""Ticks that look for what was missed: nothing is, and over a year of days they take longest."""


class Diary:
    """Acts by time. An act may write further ones down."""

    def __init__(self) -> None:
        self._acts: list[tuple[datetime, int, Act]] = []
        self._number = count()

    def note(self, at: datetime, act: Act) -> None:
        """Let something happen at a time (UTC)."""
        heapq.heappush(self._acts, (at, next(self._number), act))

    def play(self, *, start: datetime, end: datetime, after: Act) -> None:
        """Let everything between two times happen, in order; ``after`` is called after each round of ticks."""
        for moment in _moments(start, end):
            while self._acts and self._acts[0][0] <= moment:
                at, _, act = heapq.heappop(self._acts)
                with time_machine.travel(at, tick=False):
                    act(at)
            with time_machine.travel(moment, tick=False):
                tick(moment)
                after(moment)


def tick(at: datetime) -> None:
    """Run our ticks once, and stop at the first that fails: the year is no place for a silent error."""
    ticks = [one for one in registry.ticks if not one.name.startswith(LEFT_OUT)]
    for one in sorted(ticks, key=lambda one: (one.name == LAST, one.name != FIRST)):
        one.run(at)


def _moments(start: datetime, end: datetime) -> Iterator[datetime]:
    hours, day = cycle(HOURS), start + timedelta(days=1)
    while day < end:
        yield min(day.replace(hour=next(hours)), end)
        day += timedelta(days=PAUSE if day < end - DAILY else 1)
    # What the last round has begun, another one finishes, and what that one has given, a third one tells.
    yield end
    yield end
    yield end
