"""What an account gives for an order, said on the thank-you page."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import ngettext

from loyalty.services import promises
from retention import registry
from retention.registry import Gain
from retention.shop import OrderData


def points(order: OrderData) -> Sequence[Gain]:
    """Return the points of this very order, from what the shop says of it and nothing else."""
    earned = promises.for_order(order)
    if earned < 1:
        return ()
    words = {"points": earned}
    return (
        Gain(
            text=ngettext("%(points)s point", "%(points)s points", earned) % words,
            headline=ngettext("claim %(points)s point", "claim %(points)s points", earned) % words,
            order=-10,
        ),
    )


def load() -> None:
    """Register what loyalty gives."""
    registry.gains.add("loyalty.points", points)
