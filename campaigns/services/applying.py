"""Putting a code from a link into the basket."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest

from campaigns import queries
from campaigns.reasons import Reason, Refusal
from campaigns.services import checking, codes
from campaigns.services.checking import Basket
from retention.conf import conf
from retention.services import throttle
from retention.shop import CartData, CouponRejected, get_shop

log = logging.getLogger(__name__)

HOUR = 3600
LATER = {Reason.NO_ADDRESS, Reason.BELOW_MINIMUM, Reason.WRONG_CURRENCY}
"""What may still change before the order is placed; the shop itself decides about these now."""


class Refused(Exception):
    """The code is not taken; ``refusal`` says exactly why, for staff."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class TooMany(Exception):
    """So many codes were tried from here that the next must wait."""


def count_try(who: Sequence[str], *, at: datetime) -> None:
    """Count one try of each of ``who`` (network address, session), before anything is looked up. Raises TooMany.

    The counters are those of the shop's own voucher form.
    """
    allowed = [
        throttle.hit(scope="coupon", who=one, limit=conf.COUPON_TRIES_PER_HOUR, seconds=HOUR, at=at) for one in who
    ]
    if not all(allowed):
        raise TooMany


def apply(request: HttpRequest, typed: str, *, email: str, user_id: int | None, at: datetime) -> bool:
    """Put a code of ours into the request's basket. False where it waits until there is something in it.

    Raises Refused.
    """
    shop = get_shop()
    cart = shop.get_cart(request)
    code = codes.normal(typed)
    try:
        _check(code, cart, email=email, user_id=user_id, at=at)
        shop.apply_coupon(request, code)
    except CouponRejected as rejected:
        raise _refused(Refusal(code=code, reason=Reason.HOST, detail=rejected.reason)) from rejected
    return bool(cart and cart.lines)


def _check(code: str, cart: CartData | None, *, email: str, user_id: int | None, at: datetime) -> None:
    coupon = queries.by_code([code], cart=cart.reference if cart else "").first()
    if coupon is None:
        raise _refused(Refusal(code=code, reason=Reason.UNKNOWN))
    basket = Basket(
        reference=cart.reference if cart else "",
        currency=cart.currency if cart else coupon.currency,
        worth=Basket.of(cart, email=email, user_id=user_id).worth if cart else 0,
        email=email,
        user_id=user_id,
    )
    refusal = checking.check([coupon], basket=basket, at=at).get(coupon.pk)
    if refusal and refusal.reason not in LATER:
        raise _refused(refusal)


def _refused(refusal: Refusal) -> Refused:
    log.info("a coupon was refused: %s", refusal.reason.value)
    return Refused(refusal)
