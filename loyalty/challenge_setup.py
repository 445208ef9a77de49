"""What loyalty does with facts and time for challenges."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from campaigns.facts import CouponReturned
from campaigns.services import triggers
from loyalty import challenge_section
from loyalty.facts import ChallengeWon
from loyalty.services import challenges
from loyalty.touched import ORDERS, people
from retention import registry
from retention.registry import Recorded, Tick, subscribe

MINUTE = 60


def settle(batch: Sequence[Recorded]) -> None:
    """Bring what everybody named in the batch has reached to what their orders say now."""
    customers = people(batch)
    if customers:
        challenges.settle(customers, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Subscribe, and register what is due again and again."""
    subscribe(
        "loyalty.challenges",
        *ORDERS,
        CouponReturned,
        does=_("counts what challenges ask, gives their rewards, and undoes them where it does not count any more"),
        handle=settle,
    )
    registry.ticks.add(
        "loyalty.challenges",
        Tick(
            name="loyalty.challenges",
            every=MINUTE,
            run=lambda at: challenges.close(at=at),
            does=_("ends challenges whose time is up, and makes them final when the return window has closed"),
        ),
    )
    triggers.add(ChallengeWon, label=_("a challenge is done"))
    challenge_section.load()
