"""What paid membership registers with the ground."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty import paid_conditions, paid_mails, paid_panels, paid_sections
from loyalty.services import paid_members, paid_notices, paid_persons, paid_terms
from retention import registry
from retention.registry import Person, Tick

TICKS = [
    Tick(name="loyalty.paid_members", every=10, run=lambda at: paid_members.look(at=at),
         does=_("gives paying members what they have, and calls it off when what they paid for has run out")),
    Tick(name="loyalty.paid_orders", every=600, run=lambda at: paid_terms.sweep(at=at),
         does=_("finds paid orders of a membership from before it was set up")),
    Tick(name="loyalty.paid_shipping", every=3600, run=lambda at: paid_members.refresh(at=at),
         does=_("renews the free shipping of paying members")),
    Tick(name="loyalty.paid_notices", every=3600, run=lambda at: paid_notices.warn(at=at),
         does=_("tells paying members that what they paid for ends soon")),
]  # fmt: skip


def load() -> None:
    """Register everything about paid membership. Called once, when the apps are ready."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    for part in (paid_conditions, paid_mails, paid_panels, paid_sections):
        part.load()
    registry.people.add(
        "loyalty.membership",
        Person(
            name="loyalty.membership",
            export=paid_persons.export,
            erase=paid_persons.erase,
            absorb=paid_persons.absorb,
        ),
    )
