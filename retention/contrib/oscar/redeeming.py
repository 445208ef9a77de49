"""Putting a coupon into the request's basket, and taking it out; why one is not taken."""

from __future__ import annotations

from typing import Any

from oscar.apps.basket.signals import voucher_addition, voucher_removal
from oscar.core.loading import get_class

from retention.contrib.oscar import host, parking
from retention.shop import CouponRejected


def apply(request: Any, code: str) -> None:
    """Put the coupon into the request's basket, or park it until there is something in it. Raises CouponRejected.

    The reason is one of: unknown, expired, not_started, used, owner, currency, products, minimum, no_discount.
    """
    code = code.strip().upper()
    voucher = host.voucher()._default_manager.filter(code=code).first()
    if voucher is None:
        raise CouponRejected("unknown", code=code)
    if voucher.is_expired():
        raise CouponRejected("expired", code=code)
    if not voucher.is_active():
        raise CouponRejected("not_started", code=code)
    if not voucher.is_available_to_user(request.user)[0]:
        raise CouponRejected("used", code=code)
    basket = request.basket
    if basket.is_empty:
        parking.park(request, code)
        return
    if basket.contains_voucher(code):
        return
    basket.vouchers.add(voucher)
    reckon(request)
    if not any(used["voucher"] == voucher for used in basket.offer_applications):
        basket.vouchers.remove(voucher)
        reckon(request)
        raise CouponRejected(_why(voucher, basket), code=code)
    voucher_addition.send(sender=apply, basket=basket, voucher=voucher)


def remove(request: Any, code: str) -> bool:
    """Take the coupon out of the basket and out of parking. Returns whether it was in the basket."""
    code = code.strip().upper()
    parking.leave(request, code)
    basket = request.basket
    voucher = basket.vouchers.filter(code=code).first() if basket.pk else None
    if voucher is None:
        return False
    basket.vouchers.remove(voucher)
    voucher_removal.send(sender=remove, basket=basket, voucher=voucher)
    reckon(request)
    return True


def reckon(request: Any) -> None:
    """Work the basket's discounts out anew."""
    request.basket.reset_offer_applications()
    get_class("offer.applicator", "Applicator")().apply(request.basket, request.user, request)


def _why(voucher: Any, basket: Any) -> str:
    """Return the reason that a condition of ours gives, else that nothing is taken off."""
    for offer in voucher.offers.all():
        condition = offer.condition.proxy()
        if hasattr(condition, "refusal"):
            offer.set_voucher(voucher)
            return condition.refusal(offer, basket) or "no_discount"
    return "no_discount"
