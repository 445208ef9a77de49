"""Refusing before payment: what a basket cannot be charged with is found while it can still be said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from retention.contrib.oscar import asking, baskets, redeeming, rules, shipping, standing
from retention.contrib.oscar.vouchers import terms_of
from retention.shop import CouponRejected

log = logging.getLogger(__name__)


def refused(request: Any, *, at: datetime) -> str | None:
    """Reserve what the basket is about to use. Returns a code that had to be taken out of it, None when all is well.

    A code that was used up elsewhere hides in the basket and would make Oscar fail after the money was taken; a
    coupon of ours that takes nothing off would be used up for nothing. A failure of ours lets the order through.
    """
    try:
        basket = request.basket
        _drop_own(request)
        vouchers = list(basket.vouchers.all()) if basket.pk else []
        refusal = _hidden(request, vouchers) or _reserve(request, vouchers, at=at)
        if refusal is None:
            return None
        asking.tell(request, refusal, place=asking.CHECKOUT, at=at)
        with transaction.atomic():
            redeeming.remove(request, refusal.code)
    except Exception:
        log.exception("the coupons of a basket could not be checked before payment")
        return None
    return refusal.code


def _drop_own(request: Any) -> None:
    """Take out without a word what the shop put in by itself and takes nothing off, e.g. for what is collected.

    The total stays, so there is nothing to look at again.
    """
    for code in standing.inside(request):
        voucher = request.basket.vouchers.get(code=code)
        if not _takes(request, voucher):
            with transaction.atomic():
                redeeming.remove(request, code)
            standing.forget(request, code)


def _hidden(request: Any, vouchers: Sequence[Any]) -> CouponRejected | None:
    """Return the refusal of a code in the basket that takes nothing off and would do harm."""
    for voucher in vouchers:
        if _takes(request, voucher):
            continue
        available, _message = voucher.is_available_to_user(request.user)
        if terms_of(voucher) is not None:
            return redeeming.why_not(request, voucher.code) or CouponRejected("no_discount", code=voucher.code)
        if voucher.is_active() and not available:
            return CouponRejected("used", code=voucher.code)
    return None


def _takes(request: Any, voucher: Any) -> bool:
    basket = request.basket
    if not redeeming.takes(basket, voucher):
        return False
    first = next(iter(basket.shipping_discounts), None)
    if first is None or first["voucher"] != voucher or not rules.is_ours(first["offer"]):
        return True
    # where shipping costs nothing anyway, a coupon for it would be used up for nothing
    return shipping.saved(request) != 0


def _reserve(request: Any, vouchers: Sequence[Any], *, at: datetime) -> CouponRejected | None:
    cart = baskets.of_request(request, codes=[voucher.code for voucher in vouchers])
    return asking.reserve(request, cart, at=at) if cart is not None else None
