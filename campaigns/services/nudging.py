"""A coupon that a member holds and has not used: said once where it helps, in the basket."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from campaigns import pricing, queries
from campaigns.baskets import Basket
from campaigns.models import Coupon
from campaigns.services import checking, engine, unasked
from retention.models import Customer
from retention.services import prompts
from retention.shop import get_shop

MOST = 20
"""Coupons looked at: those that end soonest."""


def name_of(coupon: int) -> str:
    """Return the name under which a no to a coupon is remembered."""
    return f"coupon-{coupon}"


def best(request: HttpRequest, customer: Customer, *, at: datetime) -> Coupon | None:
    """Return the coupon of the member that takes most off the request's basket now; of equals the first to end.

    None where the basket has a code already, nothing can be used in it, or the member has said no to it.
    """
    cart = get_shop().get_cart(request)
    if cart is None or not cart.lines or cart.coupons:
        return None
    held = list(queries.wallet(customer.pk, at=at)[:MOST])
    by_itself = unasked.codes(request, at=at) if held else ()
    held = [coupon for coupon in held if coupon.code not in by_itself]  # of these, what is not in was taken out
    if not held:
        return None
    basket = Basket.of(cart, email=customer.email, user_id=customer.user_id, priced=not engine.current().prices)
    coupons = list(queries.by_code([coupon.code for coupon in held], cart=cart.reference))
    kept_in = checking.categories(coupons, basket)
    worth = {coupon.pk: pricing.alone(coupon, basket, kept_in) for coupon in coupons}
    for coupon in sorted(coupons, key=lambda coupon: (-worth[coupon.pk], coupon.expires_at, coupon.pk)):
        # shipping is not known in the basket, so a coupon for it counts as nothing here
        usable = not checking.check([coupon], basket=basket, at=at)
        if usable and prompts.wanted(name=name_of(coupon.pk), order="", email=customer.email, at=at):
            return coupon
    return None


def dismiss(customer: Customer, coupon: int, *, at: datetime) -> None:
    """Remember that the member does not want to hear of a coupon in the basket."""
    prompts.dismiss(name=name_of(coupon), order=f"customer:{customer.pk}", email=customer.email, at=at)
