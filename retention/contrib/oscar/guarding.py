"""Refusing before payment: what a basket cannot be charged with is found while it can still be said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import transaction

from retention import registry
from retention.contrib.oscar import baskets, rules, shopper
from retention.contrib.oscar.redeeming import remove
from retention.shop import CouponRejected

log = logging.getLogger(__name__)


def refused(request: Any, *, at: datetime) -> str | None:
    """Reserve what the basket is about to use. Returns a code that had to be taken out of it, None when all is well.

    A code that was used up elsewhere hides in the basket and would make Oscar fail after the money was taken; a
    coupon of ours that takes nothing off would be used up for nothing. A failure of ours lets the order through.
    """
    try:
        basket = request.basket
        vouchers = list(basket.vouchers.all()) if basket.pk else []
        code = _hidden(request, vouchers) or _reserve(request, vouchers, at=at)
        if code:
            with transaction.atomic():
                remove(request, code)
    except Exception:
        log.exception("the coupons of a basket could not be checked before payment")
        return None
    return code


def _hidden(request: Any, vouchers: Sequence[Any]) -> str | None:
    """Return a code in the basket that takes nothing off and would do harm."""
    applied = {used["voucher"].pk for used in request.basket.offer_applications if used["voucher"]}
    for voucher in vouchers:
        if voucher.pk in applied:
            continue
        available, _message = voucher.is_available_to_user(request.user)
        if voucher.is_active() and not available:
            return str(voucher.code)
        if voucher.offers.filter(condition__proxy_class=rules.CONDITION).exists():
            return str(voucher.code)
    return None


def _reserve(request: Any, vouchers: Sequence[Any], *, at: datetime) -> str | None:
    cart = baskets.of_request(request, codes=[voucher.code for voucher in vouchers])
    if cart is None:
        return None
    who = shopper.of_request(request)
    for guard in registry.checkout_guards:
        try:
            # without a coupon a guard has little to do: on SQLite a transaction would take the lock for nothing
            with transaction.atomic() if vouchers else nullcontext():
                guard.reserve(request, cart, email=who.email, user_id=who.user_id, at=at)
        except CouponRejected as refusal:
            log.info("%s refused a coupon before payment: %s", guard.name, refusal.reason)
            if refusal.code.upper() in cart.coupons:
                return refusal.code.upper()
        except Exception:
            log.exception("%s could not reserve; the checkout goes on", guard.name)
    return None
