"""What loyalty does with facts and time for gifts on every so many orders."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from campaigns.facts import CouponReturned
from campaigns.services import triggers
from loyalty import gift_section, present_panels, present_troubles
from loyalty.facts import GiftEarned
from loyalty.services import gifts, present_persons, presents
from loyalty.touched import ORDERS, people
from retention import registry
from retention.registry import Person, Recorded, Tick, subscribe

TEN_MINUTES, HOUR = 600, 3600


def settle(batch: Sequence[Recorded]) -> None:
    """Bring the gifts of everybody named in the batch to what their orders are worth now."""
    customers = people(batch)
    if customers:
        gifts.settle(customers, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Subscribe, and register what is due again and again."""
    subscribe(
        "loyalty.gifts",
        *ORDERS,
        CouponReturned,
        does=_("gives the gift that so many orders bring, and undoes it where they do not count any more"),
        handle=settle,
    )
    for tick in (
        Tick(name="loyalty.presents", every=TEN_MINUTES, run=lambda at: presents.give_due(at=at),
             does=_("gives gifts and rewards that had to wait, e.g. for an offer that was off")),
        Tick(name="loyalty.gifts", every=HOUR, run=lambda at: gifts.settle_surplus(at=at),
             does=_("undoes gifts that were in a basket when their order was cancelled, and are unused now")),
    ):  # fmt: skip
        registry.ticks.add(tick.name, tick)
    triggers.add(GiftEarned, label=_("a gift for so many orders is given"))
    gift_section.load()
    present_panels.load()
    present_troubles.load()
    person = Person(
        name="loyalty.presents",
        export=present_persons.export,
        erase=present_persons.erase,
        absorb=present_persons.absorb,
    )
    registry.people.add(person.name, person)
