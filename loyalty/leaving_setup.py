"""What leaving the programme registers with the ground."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty import leaving_section
from loyalty.facts import ProgrammeLeft, ProgrammeReturned
from loyalty.services import forfeits, leaving
from retention import registry
from retention.registry import Recorded, Tick, subscribe

HOUR = 3600

TICK = Tick(
    name="loyalty.forfeits",
    every=HOUR,
    run=lambda at: forfeits.write_off_due(at=at),
    does=_("writes off the points of those who left the programme and did not come back in time"),
)


def follow(batch: Sequence[Recorded]) -> None:
    """Bring what was under way when somebody left or came back to what it is."""
    facts = [recorded.data for recorded in batch]
    leaving.follow({fact.customer for fact in facts if fact.customer}, at=max(fact.at for fact in facts))


def load() -> None:
    """Register everything of leaving."""
    registry.ticks.add(TICK.name, TICK)
    leaving_section.load()
    subscribe(
        "loyalty.leaving",
        ProgrammeLeft,
        ProgrammeReturned,
        does=_(
            "gives back what who has left had set aside, and settles what was ordered just when they left or came back"
        ),
        handle=follow,
    )
