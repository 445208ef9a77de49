"""What loyalty does with facts for giving to causes."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from loyalty import giving_section
from loyalty.facts import PointsGivenBack, PointsSpent
from loyalty.services import donations, giving
from loyalty.touched import ORDERS, references
from retention.registry import Recorded, subscribe


def settle(batch: Sequence[Recorded]) -> None:
    """Bring what every order named in the batch gives to what it should."""
    orders = references(batch)
    if orders:
        giving.settle(orders, at=max(recorded.data.at for recorded in batch))


def settle_donations(batch: Sequence[Recorded]) -> None:
    """Bring what is owed for every claim named in the batch to what stands of it."""
    claims = {recorded.data.claim for recorded in batch if isinstance(recorded.data, PointsSpent | PointsGivenBack)}
    donations.settle(claims, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Subscribe."""
    subscribe(
        "loyalty.giving",
        *ORDERS,
        does=_("counts what an order gives to causes, and takes it off where it does not count any more"),
        handle=settle,
    )
    subscribe(
        "loyalty.donations",
        PointsSpent,
        PointsGivenBack,
        does=_("counts what points that are given to a cause are worth, and takes it off where they come back"),
        handle=settle_donations,
    )
    giving_section.load()
