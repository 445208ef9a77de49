"""Points for the shop's own templates: what an order has, what a product, a basket or an amount would earn."""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone

from loyalty import notes, showing
from loyalty.services import programmes, promises
from retention.shop import OrderData, ProductData, get_shop

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


@register.simple_tag(takes_context=True)
def earns_points(context: template.Context, amount: Any, currency: str) -> str:
    """Return "This earns 24 points" for goods of an amount in units of ``currency``; nothing where nothing is earned.

    Rules for whole orders are counted in, those for some goods are not. Where tax earns nothing it says nothing: an
    amount does not tell what of it is tax. Where the programme shows points as money:
    "You get €0.24 back for this".
    Usage: ``{% load loyalty %}{% earns_points basket.total_incl_tax basket.currency %}``. It never breaks the page.
    """
    try:
        now, running, user = timezone.now(), programmes.running(), _user(context)
        points = promises.for_amount(Decimal(str(amount)), currency, at=now, user_id=user, running=running)
        rate = running.rate(currency, placed_at=now) if running else None
        return showing.promise(points, rate, running, member=True)
    except Exception:
        log.exception("the points of an amount could not be shown")
        return ""


@register.simple_tag(takes_context=True)
def product_points(context: template.Context, product: Any, price: Any = None, currency: str = "") -> str:
    """Return what one piece of a product earns, a sentence; nothing where nothing is earned.

    ``product``: the shop's product with a ``pk``, or its reference. ``price`` and ``currency``: what the shopper sees;
    without them the catalogue's.
    Usage: ``{% load loyalty %}{% product_points product.pk %}``. It never breaks the page.
    """
    try:
        reference = str(getattr(product, "pk", product))
        found = get_shop().get_products([reference]).get(reference) or ProductData(reference=reference, title="")
        if price not in (None, ""):
            seen = Decimal(str(price))
            tax = found.tax * seen / found.price if found.tax is not None and found.price else found.tax
            found = replace(found, price=seen, tax=tax, currency=currency or found.currency)
        return str(notes.of_product(context["request"], found, timezone.now()))
    except Exception:
        log.exception("the points of a product could not be shown")
        return ""


@register.simple_tag(takes_context=True)
def basket_points(context: template.Context) -> str:
    """Return what the request's basket earns as it is now, a sentence; nothing where nothing is earned.

    Usage: ``{% load loyalty %}{% basket_points %}``. It never breaks the page.
    """
    try:
        cart = get_shop().get_cart(context["request"])
        return str(notes.of_basket(context["request"], cart, timezone.now())) if cart else ""
    except Exception:
        log.exception("the points of a basket could not be shown")
        return ""


def _user(context: template.Context) -> int | None:
    """Return the signed-in user's key, where there is a request."""
    user = getattr(context.get("request"), "user", None)
    return user.pk if user is not None and user.is_authenticated else None
