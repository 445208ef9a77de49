"""What goods, a basket and an order earn, said on the shop's own pages."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _

from loyalty import showing
from loyalty.services import programmes, promises
from retention import registry
from retention.registry import Words
from retention.shop import CartData, OrderData, ProductData


def of_product(request: HttpRequest, product: ProductData, at: datetime) -> Words:
    """Return what one piece earns the visitor; empty where it earns nothing."""
    running = programmes.running()
    if running is None:
        return ""
    user = getattr(request, "user", None)
    member = bool(user and user.is_authenticated)
    points = promises.for_product(product, user_id=user.pk if user and member else None, at=at, running=running)
    return showing.promise(points, running.rate(product.currency, placed_at=at), running, member=member)


def of_basket(request: HttpRequest, cart: CartData, at: datetime) -> Words:
    """Return what the basket earns as it is now; empty where it earns nothing."""
    running = programmes.running()
    if running is None or not cart.lines:
        return ""
    points = promises.for_cart(cart, at=at, running=running)
    member = cart.user_id is not None
    return showing.promise(points, running.rate(cart.currency, placed_at=at), running, member=member)


def of_order(request: HttpRequest, order: OrderData, at: datetime) -> Words:
    """Return what a member's order earns; a guest reads it beside the question for an account."""
    running = programmes.running()
    if running is None or order.user_id is None:
        return ""
    points = promises.for_order(order, running=running)
    if points < 1:
        return ""
    rate = running.rate(order.currency, placed_at=order.placed_at)
    shown = {"amount": showing.amount(points, rate, running)}
    if running.programme.pending_days:
        return _("This order earns you %(amount)s, yours to use once it can no longer be returned.") % shown
    return _("This order earns you %(amount)s.") % shown


def load() -> None:
    """Register what is said."""
    registry.product_notes.add("loyalty", of_product)
    registry.basket_notes.add("loyalty", of_basket)
    registry.order_notes.add("loyalty", of_order)
