"""What recommending friends registers with the ground."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty import referral_conditions, referral_panels, referral_sections
from loyalty.services import referral_links, referral_persons, referral_visits, referrals
from loyalty.subscribers import ORDERS
from retention import registry
from retention.facts import OrderPlaced
from retention.registry import Person, Recorded, Tick, subscribe

TICKS = [
    Tick(name="loyalty.referrals", every=10, run=lambda at: referrals.settle_due(at=at),
         does=_("finds out whose friends have ordered, and rewards who brought one whose order has lasted")),
    Tick(name="loyalty.referral_links", every=60, run=lambda at: referral_links.make_due(at=at),
         does=_("gives a link for friends to members who have ordered and have none")),
    Tick(name="loyalty.referral_networks", every=3600, run=lambda at: referrals.forget_networks(at=at),
         does=_("forgets from which networks friends came")),
]  # fmt: skip


def settle(batch: Sequence[Recorded]) -> None:
    """Bring the referrals of the orders named in the batch to what they are now."""
    orders = {str(getattr(recorded.data, "order", "")) for recorded in batch}
    referrals.settle(orders, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Register everything about friends. Called once, when the apps are ready."""
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    for part in (referral_conditions, referral_panels, referral_sections, referral_visits):
        part.load()
    registry.people.add(
        "loyalty.referrals",
        Person(
            name="loyalty.referrals",
            export=referral_persons.export,
            erase=referral_persons.erase,
            absorb=referral_persons.absorb,
        ),
    )
    subscribe(
        "loyalty.referrals",
        OrderPlaced,
        *ORDERS,
        does=_("brings the reward for a friend's order to what the order is now"),
        handle=settle,
    )
