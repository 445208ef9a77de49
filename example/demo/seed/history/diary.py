"""The year as it passes: what happens at which time, and the ticks in between."""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

import time_machine

from retention import registry

Act = Callable[[datetime], None]

HOURS = (9, 13, 17, 22)
"""Hours of the day (UTC) at which the ticks run; in a real shop every two seconds."""

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
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        for hour in HOURS:
            moment = day + timedelta(hours=hour)
            if start <= moment < end:
                yield moment
        day += timedelta(days=1)
    yield end
