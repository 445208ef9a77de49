"""Putting a code from a link into the basket."""

from __future__ import annotations

import logging
from datetime import datetime

from django.http import HttpRequest

from campaigns import queries, reasons
from campaigns.baskets import Basket
from campaigns.models import Rejection
from campaigns.reasons import Reason, Refusal
from campaigns.services import checking, codes, engine, guesses, parking, rejections
from retention.shop import Capability, CartData, CouponRejected, get_shop

log = logging.getLogger(__name__)


class Refused(Exception):
    """The code is not taken; ``refusal`` says exactly why, for staff."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def apply(request: HttpRequest, typed: str, *, email: str, user_id: int | None, at: datetime) -> bool:
    """Put a code of ours into the request's basket. False where it waits until there is something in it.

    A shop that renders its basket itself finds the code by ``parking.codes``. Raises Refused.
    """
    shop = get_shop()
    cart = shop.get_cart(request)
    code = codes.normal(typed)
    try:
        _check(code, cart, email=email, user_id=user_id, at=at)
        if Capability.BASKET not in shop.capabilities:
            parking.park(request, code)
            return True
        shop.apply_coupon(request, code)
    except CouponRejected as rejected:
        said = CouponRejected(rejected.reason, code=code, detail=rejected.detail)
        rejections.note(said, Rejection.Where.LINK, cart.reference if cart else "", at)
        raise _refused(Refusal(code=code, reason=Reason.HOST, detail=rejected.reason)) from rejected
    return bool(cart and cart.lines)


def _check(code: str, cart: CartData | None, *, email: str, user_id: int | None, at: datetime) -> None:
    coupon = queries.by_code([code], cart=cart.reference if cart else "").first()
    if coupon is None:
        guesses.count(code, at)
        raise _refused(Refusal(code=code, reason=Reason.UNKNOWN))
    basket = (
        Basket.of(cart, email=email, user_id=user_id, priced=not engine.current().prices)
        if cart
        else Basket(currency=coupon.currency, email=email, user_id=user_id)
    )
    refusal = checking.check([coupon], basket=basket, at=at).get(coupon.pk)
    if refusal and refusal.reason not in reasons.LATER:
        said = CouponRejected(refusal.reason.value, code=code, detail=refusal.detail)
        rejections.note(said, Rejection.Where.LINK, basket.reference, at)
        raise _refused(refusal)


def _refused(refusal: Refusal) -> Refused:
    log.info("a coupon was refused: %s", refusal.reason.value)
    return Refused(refusal)
