"""What leaving the programme registers with the ground."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from loyalty import leaving_section
from loyalty.facts import ProgrammeLeft, ProgrammeReturned
from loyalty.services import absences, forfeits, leaving
from retention import registry
from retention.registry import Recorded, Tick, subscribe

HOUR = 3600

TICK = Tick(
    name="loyalty.forfeits",
    every=HOUR,
    run=lambda at: forfeits.write_off_due(at=at),
    does=_("writes off the points of those who left the programme and did not come back in time"),
)


def release(batch: Sequence[Recorded]) -> None:
    """Give back what who has left had set aside. It has a turn of its own: claims are locked before awards."""
    customers, at = _who(batch)
    forfeits.release(absences.out(customers), at=at)


def follow(batch: Sequence[Recorded]) -> None:
    """Bring what was under way when somebody left or came back to what it is."""
    customers, at = _who(batch)
    leaving.follow(customers, at=at)


def _who(batch: Sequence[Recorded]) -> tuple[set[int], datetime]:
    facts = [recorded.data for recorded in batch]
    return {fact.customer for fact in facts if fact.customer}, max(fact.at for fact in facts)


def load() -> None:
    """Register everything of leaving."""
    registry.ticks.add(TICK.name, TICK)
    leaving_section.load()
    subscribe(
        "loyalty.leaving",
        ProgrammeLeft,
        ProgrammeReturned,
        does=_("settles what was ordered just when they left or came back, and what waited for them"),
        handle=follow,
    )
    subscribe(
        "loyalty.leaving_claims",
        ProgrammeLeft,
        does=_("gives back what who has left had set aside"),
        handle=release,
    )
