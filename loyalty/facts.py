"""The vocabulary of ``loyalty``: what happened to points and tiers."""

from __future__ import annotations

from retention.facts import FactData, fact


@fact("loyalty")
class PointsAwarded(FactData):
    """A customer got points, spendable or pending."""

    points: int
    """How many more than before; never below 1."""
    order: str = ""
    """The shop's reference; empty for points that no order earned."""
    pending: bool = False
    history: bool = False


@fact("loyalty")
class PointsTakenBack(FactData):
    """Points of an order went back: it was refunded, cancelled, changed, or belongs to somebody else now."""

    points: int
    """How many fewer than before; never below 1."""
    order: str = ""
    history: bool = False


@fact("loyalty")
class PointsExpired(FactData):
    """Points of a customer have ended unused."""

    points: int
    """How many, at once; never below 1."""


@fact("loyalty")
class TierChanged(FactData):
    """A customer is in another tier than before."""

    tier: int | None
    """Our id of the tier; None below the first."""
    old_tier: int | None
    history: bool = False
    """The table was computed for the first time: nobody has just moved."""
