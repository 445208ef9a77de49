"""What the guards of the checkout say of the codes in a basket, before and while its order is placed."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from django.db import transaction

from retention import registry
from retention.contrib.oscar import baskets, shopper
from retention.shop import CartData, CouponRejected

log = logging.getLogger(__name__)

FORM, CHECKOUT = "form", "checkout"
"""Where a code was refused, as those are told who listen."""


def check(request: Any, *, at: datetime, cart: CartData | None = None) -> CouponRejected | None:
    """Ask whether the basket may use its codes. Returns the first refusal of one that is in it; changes nothing.

    ``cart``: what it would be instead.
    """
    cart = cart or baskets.of_request(request)
    if cart is None or not cart.coupons:
        return None
    return _ask(request, cart, "check", at=at)


def reserve(request: Any, cart: CartData, *, at: datetime) -> CouponRejected | None:
    """Have set aside what the cart is about to use. Returns the first refusal of a code that is in it."""
    return _ask(request, cart, "reserve", at=at)


def _ask(request: Any, cart: CartData, question: str, *, at: datetime) -> CouponRejected | None:
    who = shopper.of_request(request)
    for guard in registry.checkout_guards:
        ask = getattr(guard, question)
        if ask is None:
            continue
        try:
            with _apart(cart):
                ask(request, cart, email=who.email, user_id=who.user_id, at=at)
        except CouponRejected as refusal:
            log.info("%s refused a coupon: %s", guard.name, refusal.reason)
            refusal.code = refusal.code.upper()
            if refusal.code in cart.coupons:
                return refusal
        except Exception:
            log.exception("%s could not %s; the shop goes on", guard.name, question)
    return None


def _apart(cart: CartData) -> AbstractContextManager[Any]:
    # without a coupon a guard has little to do: on SQLite a transaction would take the lock for nothing
    return transaction.atomic() if cart.coupons else nullcontext()


def tell(request: Any, refusal: CouponRejected, *, place: str, at: datetime) -> None:
    """Tell those who listen to refusals; whatever they do, the shop goes on."""
    try:
        # the savepoint is for a transaction of the shop's, which a failure of ours must not end
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            for listener in registry.coupon_refusals:
                listener(refusal, place, str(request.basket.pk or ""), at)
    except Exception:
        log.exception("a refusal of a coupon could not be told")
