"""Refusing before payment: what a basket cannot be charged with is found while it can still be said."""

from __future__ import annotations

import logging
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
        code = _hidden(request) or _reserve(request, at=at)
        if code:
            with transaction.atomic():
                remove(request, code)
    except Exception:
        log.exception("the coupons of a basket could not be checked before payment")
        return None
    return code


def _hidden(request: Any) -> str | None:
    """Return a code in the basket that takes nothing off and would do harm."""
    basket = request.basket
    if not basket.pk:
        return None
    applied = {used["voucher"].pk for used in basket.offer_applications if used["voucher"]}
    for voucher in basket.vouchers.exclude(pk__in=applied):
        available, _message = voucher.is_available_to_user(request.user)
        if voucher.is_active() and not available:
            return str(voucher.code)
        if voucher.offers.filter(condition__proxy_class=rules.CONDITION).exists():
            return str(voucher.code)
    return None


def _reserve(request: Any, *, at: datetime) -> str | None:
    guards = list(registry.checkout_guards)
    cart = baskets.of_request(request) if guards else None
    if cart is None:
        return None
    who = shopper.of_request(request)
    for guard in guards:
        try:
            with transaction.atomic():
                guard.reserve(request, cart, email=who.email, user_id=who.user_id, at=at)
        except CouponRejected as refusal:
            log.info("%s refused a coupon before payment: %s", guard.name, refusal.reason)
            if refusal.code.upper() in cart.coupons:
                return refusal.code.upper()
        except Exception:
            log.exception("%s could not reserve; the checkout goes on", guard.name)
    return None
