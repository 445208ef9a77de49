"""What rewards register: their tick, and that loyalty stands behind the coupons that points paid for."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from campaigns import backing
from campaigns.backing import Backer
from loyalty import reward_panels, reward_section
from loyalty.services import claims, covering, reward_persons
from retention import registry
from retention.registry import Person, Tick

MINUTE = 60


def release(at: datetime) -> int:
    """Give back the points of claims that are over, and of those that nothing covers any more."""
    return claims.release_due(at=at) + claims.release_uncovered(at=at)


TICK = Tick(
    name="loyalty.claims",
    every=MINUTE,
    run=release,
    does=_("gives back the points of claimed rewards that no order has used in time"),
)
BACKER = Backer(name=claims.SOURCE, gone=covering.gone)


def load() -> None:
    """Register what rewards need."""
    registry.ticks.add(TICK.name, TICK)
    backing.backers.add(BACKER.name, BACKER)
    reward_panels.load()
    registry.people.add(
        "loyalty.rewards",
        Person(
            name="loyalty.rewards",
            export=reward_persons.export,
            erase=reward_persons.erase,
            absorb=reward_persons.absorb,
        ),
    )
    registry.account_pages.add("loyalty.rewards", reward_section.section)
    registry.basket_nudges.add("loyalty.points", reward_section.nudge)
