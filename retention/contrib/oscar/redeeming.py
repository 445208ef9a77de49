"""Putting a coupon into the request's basket, and taking it out; why one is not taken."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _
from oscar.apps.basket.signals import voucher_addition, voucher_removal
from oscar.core.loading import get_class

from retention.contrib.oscar import asking, baskets, host, parking, plan, standing, vouchers
from retention.shop import CouponRejected, CouponUse

log = logging.getLogger(__name__)

EXCLUSIVE = "exclusive"
TOGETHER = (EXCLUSIVE, "margin")
"""Reasons that are about all codes of a basket."""


def apply(request: Any, code: str, *, at: datetime) -> None:
    """Put the coupon into the request's basket, or park it until there is something in it. Raises CouponRejected.

    The reason is one of: unknown, expired, not_started, used, owner, currency, products, minimum, exclusive,
    no_discount; or a guard's own word.
    """
    code = code.strip().upper()
    voucher = host.voucher()._default_manager.filter(code=code).first()
    if voucher is None:
        raise CouponRejected("unknown", code=code)
    if reason := _closed(request, voucher):
        raise CouponRejected(reason, code=code)
    basket = request.basket
    if basket.is_empty:
        parking.park(request, code)
        return
    if basket.contains_voucher(code):
        return
    basket.vouchers.add(voucher)
    reckon(request)
    if not takes(basket, voucher):
        reason = plan.refusal(basket, voucher) or "no_discount"
        basket.vouchers.remove(voucher)
        reckon(request)
        raise CouponRejected(reason, code=code)
    voucher_addition.send(sender=apply, basket=basket, voucher=voucher)
    for refusal in sift(request, code, at=at):
        if refusal.code == code:
            raise refusal
        say_refused(request, refusal, at=at)


def _closed(request: Any, voucher: Any) -> str | None:
    """Return why nobody can use the voucher now, None where somebody can."""
    if voucher.is_expired():
        return "expired"
    if not voucher.is_active():
        return "not_started"
    return None if voucher.is_available_to_user(request.user)[0] else "used"


def why_not(request: Any, code: str) -> CouponRejected | None:
    """Return why the basket does not get a coupon of ours; None for a code that is not ours, or that it may have."""
    voucher = host.voucher()._default_manager.filter(code=code).first()
    if voucher is None or vouchers.terms_of(voucher) is None:
        return None
    reason = _closed(request, voucher) or plan.refusal(request.basket, voucher)
    return CouponRejected(reason, code=code) if reason else None


def would_refuse(request: Any, code: str, *, at: datetime) -> CouponRejected | None:
    """Return why a coupon of ours would not stay in the basket, were it put there; writes nothing.

    That another code is refused, for reasons of its own, is no reason against this one.
    """
    with plan.untouched(request.basket):
        return _would_refuse(request, code, at=at)


def _would_refuse(request: Any, code: str, *, at: datetime) -> CouponRejected | None:
    if refusal := why_not(request, code):
        return refusal
    voucher = host.voucher()._default_manager.filter(code=code).first()
    taking = plan.taking(request.basket, voucher) if voucher is not None else None
    cart = baskets.of_request(request) if taking is not None else None
    if taking is None or cart is None:
        return None
    then = []
    for line, known in zip(request.basket.all_lines(), cart.lines, strict=True):
        left = known.price if known.left is None else known.left
        then.append(replace(known, left=left - taking.shares.get(line, Decimal(0))))
    use = CouponUse(code=code, discount=taking.total)
    fuller = replace(cart, lines=tuple(then), coupons=(*cart.coupons, code), discounts=(*cart.discounts, use))
    refusal = asking.check(request, at=at, cart=fuller)
    theirs = refusal is not None and refusal.code != code and refusal.reason not in TOGETHER
    return None if theirs else refusal


def sift(request: Any, code: str, *, at: datetime) -> list[CouponRejected]:
    """Take out of the basket what a guard will not have in it, after ``code`` was put there. Returns what they refused.

    What cannot be together with the new code keeps its place: nobody loses a coupon by trying another. Only what the
    shop put in by itself makes room for what the shopper chose, without a word.
    """
    refusals = []
    while refusal := asking.check(request, at=at):
        if refusal.reason == EXCLUSIVE and _make_room(request, code):
            continue
        if refusal.reason == EXCLUSIVE and refusal.code != code and request.basket.contains_voucher(code):
            refusal = CouponRejected(EXCLUSIVE, code=code, detail=refusal.detail)
        refusals.append(refusal)
        if not remove(request, refusal.code):
            break
    return refusals


def _make_room(request: Any, code: str) -> bool:
    """Take out what the shop put in by itself, for a code that the shopper chose. Returns whether there was any."""
    own = standing.inside(request)
    gone = [] if code in own else [one for one in own if remove(request, one)]
    for one in gone:
        standing.forget(request, one)
    return bool(gone)


def say_refused(request: Any, refusal: CouponRejected, *, at: datetime) -> None:
    """Tell the shopper that a code which they had used is of no use here, and the reason to those who listen."""
    if hasattr(request, "_messages"):  # an API may have no place for them
        messages.warning(request, _("The code %(code)s cannot be used for this basket.") % {"code": refusal.code})
    asking.tell(request, refusal, place=asking.FORM, at=at)


def remove(request: Any, code: str) -> bool:
    """Take the coupon out of the basket and out of parking. Returns whether it was in the basket."""
    code = code.strip().upper()
    parking.leave(request, code)
    basket = request.basket
    voucher = basket.vouchers.filter(code=code).first() if basket.pk else None
    if voucher is None:
        return False
    basket.vouchers.remove(voucher)
    try:
        with transaction.atomic():
            voucher_removal.send(sender=remove, basket=basket, voucher=voucher)
    except Exception:
        # Oscar counts baskets with a voucher and loses updates: below 0 its database refuses to count
        log.exception("the shop could not be told that a code was taken out of a basket")
    reckon(request)
    return True


def reckon(request: Any) -> None:
    """Work the basket's discounts out anew."""
    request.basket.reset_offer_applications()
    get_class("offer.applicator", "Applicator")().apply(request.basket, request.user, request)


def takes(basket: Any, voucher: Any) -> bool:
    """Whether the voucher takes something off now; of several that make shipping cheaper Oscar heeds the first."""
    used = [use for use in basket.offer_applications if use["voucher"] == voucher]
    first = next(iter(basket.shipping_discounts), None)
    return any(not use["result"].affects_shipping or use is first for use in used)
