"""Points for the shop's own templates: what an order has, what an amount would earn."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import ngettext

from loyalty.services import promises
from retention.shop import OrderData

log = logging.getLogger(__name__)

register = template.Library()


@register.simple_tag
def order_points(order: Any) -> int:
    """Return the points of an order: those that stand, else those it will earn; 0 where there are none.

    ``order``: an ``OrderData``, the shop's reference, or the shop's own order with a ``number``.
    Usage: ``{% load loyalty %}{% order_points order as points %}``. It never breaks the page.
    """
    try:
        if isinstance(order, OrderData):
            return promises.for_reference(order.reference) or promises.for_order(order)
        return promises.for_reference(str(getattr(order, "number", order)))
    except Exception:
        log.exception("the points of an order could not be shown")
        return 0


@register.simple_tag
def earns_points(amount: Any, currency: str) -> str:
    """Return "This earns 24 points" for goods of an amount in units of ``currency``; nothing where nothing is earned.

    Usage: ``{% load loyalty %}{% earns_points basket.total_incl_tax basket.currency %}``. It never breaks the page.
    """
    try:
        points = promises.for_amount(Decimal(str(amount)), currency, at=timezone.now())
    except Exception:
        log.exception("the points of an amount could not be shown")
        return ""
    if points < 1:
        return ""
    return ngettext("This earns %(points)s point", "This earns %(points)s points", points) % {"points": points}
