"""What an account gives for an order, said on the thank-you page."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import showing
from loyalty.services import programmes, promises
from retention import registry
from retention.registry import Gain
from retention.shop import OrderData


def points(order: OrderData) -> Sequence[Gain]:
    """Return the points of this very order, from what the shop says of it and nothing else."""
    running = programmes.running()
    earned = promises.for_order(order, running=running) if running else 0
    if running is None or earned < 1:
        return ()
    rate = running.rate(order.currency, placed_at=order.placed_at)
    shown = showing.amount(earned, rate, running)
    if showing.is_money(rate, running):
        return (Gain(text=shown, headline=_("claim %(amount)s") % {"amount": shown}, order=-10),)
    headline = ngettext("claim %(points)s point", "claim %(points)s points", earned) % {"points": earned}
    return (Gain(text=shown, headline=headline, order=-10),)


def load() -> None:
    """Register what loyalty gives."""
    registry.gains.add("loyalty.points", points)
