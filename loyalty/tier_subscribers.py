"""What tiers do with the facts of loyalty itself."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty.facts import PointsAwarded, PointsOpened, PointsTakenBack, TierChanged
from loyalty.models.tier import Metric
from loyalty.services import tier_benefits, tiers
from retention.registry import Recorded, subscribe

POINTS = (PointsAwarded, PointsOpened, PointsTakenBack)


def place_by_points(batch: Sequence[Recorded]) -> None:
    """Bring everybody named in the batch into the tier that their points reach, where points count.

    Points of old orders are left to the daily tick, which sees all of them at once.
    """
    table = tiers.active()
    if table is None or table.metric != Metric.POINTS:
        return
    facts = [recorded.data for recorded in batch]
    touched = [
        fact for fact in facts if getattr(fact, "order", "") and fact.customer and not getattr(fact, "history", False)
    ]
    if touched:
        tiers.recompute(
            customers={fact.customer for fact in touched if fact.customer}, at=max(fact.at for fact in touched)
        )


def give_benefits(batch: Sequence[Recorded]) -> None:
    """Give everybody named in the batch what their new tier gives, and call off what the old one gave."""
    moves = [recorded.data for recorded in batch if isinstance(recorded.data, TierChanged)]
    at = max(move.at for move in moves)
    tier_benefits.welcome([move for move in moves if not move.history], at=at)
    tier_benefits.settle_shipping(customers={move.customer for move in moves if move.customer}, at=at)


def load() -> None:
    """Subscribe to our own facts."""
    subscribe(
        "loyalty.tier_points",
        *POINTS,
        does=_("moves customers into the tier that their points reach, where points count"),
        handle=place_by_points,
    )
    subscribe(
        "loyalty.tier_benefits",
        TierChanged,
        does=_("gives what a new tier gives, and calls off the free shipping of one that is lost"),
        handle=give_benefits,
    )
