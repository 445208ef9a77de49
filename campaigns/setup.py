"""What this app registers with the ground, one loader a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from campaigns import (
    batch_troubles,
    conditions,
    coupon_setup,
    journey_setup,
    panels,
    persons,
    segment_troubles,
    troubles,
)
from retention import registry

LOADERS: Sequence[Callable[[], None]] = [
    batch_troubles.load,
    conditions.load,
    coupon_setup.load,
    journey_setup.load,
    panels.load,
    persons.load,
    segment_troubles.load,
    troubles.load,
]


def load() -> None:
    """Register everything of this app. Called once, when the apps are ready."""
    for part in LOADERS:
        part()
    registry.api_routes.add("campaigns", "campaigns.api.urls")
