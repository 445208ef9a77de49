"""What loyalty registers for balances of an earlier programme."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.services import balance_persons, balances
from retention import registry
from retention.registry import Person, Tick

TICKS = [
    Tick(name="loyalty.balances", every=5, run=lambda at: balances.carry_on(at=at),
         does=_("gives the points of an earlier programme, from a file")),
    Tick(name="loyalty.balances_waiting", every=60, run=lambda at: balances.give_waiting(at=at),
         does=_("gives points of an earlier programme to who has come, or has proven the mailbox")),
]  # fmt: skip


def load() -> None:
    """Register ticks, and what is done for a person."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    registry.people.add("loyalty.balances", Person(
        name="loyalty.balances", export=balance_persons.export, erase=balance_persons.erase
    ))  # fmt: skip
