"""At checkout: what the basket's coupons reserve before the shop takes money, and which one must go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest

from campaigns import queries, reasons
from campaigns.baskets import Basket
from campaigns.models import Coupon, Redemption
from campaigns.reasons import Refusal
from campaigns.services import checking, codes, engine, holding, redemptions, shopper
from campaigns.services.redemptions import Hold
from retention.registry import CheckoutGuard
from retention.shop import CartData, CouponRejected, get_shop

HELD = "campaigns_held"
"""Session: coupon id → id of the redemption that this session's basket reserved."""


def check(request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
    """Look whether the cart may use every coupon of ours in it, leaving aside what may change before it is ordered.

    Raises CouponRejected for the first that it may not. Changes nothing.
    """
    wanted = [code for code in map(codes.normal, cart.coupons) if code]
    if not wanted:
        return
    coupons = list(queries.by_code(wanted, cart=cart.reference))
    basket = Basket.of(cart, email=email, user_id=user_id, priced=not engine.current().prices)
    for refusal in checking.check(coupons, basket=basket, at=at).values():
        if refusal.reason not in reasons.LATER:
            raise _rejected(refusal)


def reserve(request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
    """Reserve every coupon of ours in the cart, and give back what it held of others. Idempotent per cart.

    Raises CouponRejected for the first that cannot be used, and has reserved nothing then; whoever calls takes that
    one out and asks again. Without codes, now or before, there is not even a query.
    """
    wanted = [code for code in map(codes.normal, cart.coupons) if code]
    before = request.session.get(HELD, {})
    if not wanted and not before:
        return
    basket = Basket.of(cart, email=email, user_id=user_id, priced=not engine.current().prices)
    with holding.transaction():
        coupons = list(queries.by_code(wanted, cart=cart.reference, turn=True)) if wanted else []
        following = _following(request, coupons) if coupons and before else ()
        for refusal in checking.check(coupons, basket=basket, at=at, reserving=True).values():
            raise _rejected(refusal)
        if not cart.reference:
            return  # a basket that is not stored is not ordered either
        empty = bool(coupons) and not any(coupon.crowded for coupon in coupons)
        try:
            rows = (
                holding.hold(holds(coupons, basket), cart=cart.reference, at=at, empty=empty, following=following)
                if coupons or before
                else ()
            )
        except redemptions.Refused as no:
            raise _rejected(Refusal(code=no.coupon.code, reason=no.reason)) from no
    held = {str(row.coupon_id): row.pk for row in rows}
    if before != held:
        request.session[HELD] = held


def holds(coupons: Sequence[Coupon], basket: Basket) -> list[Hold]:
    """Return what a basket wants to reserve: each coupon with what it takes off. Raises shopper.Unknown."""
    if not coupons:
        return []
    kept_in, key = checking.categories(coupons, basket), shopper.key_of(basket)
    amounts = checking.amounts(coupons, basket, kept_in)
    return [
        Hold(
            coupon=coupon,
            customer_key=key,
            customer=coupon.customer_id,
            currency=basket.currency,
            discount=amounts[coupon.pk],
        )
        for coupon in coupons
    ]


def _rejected(refusal: Refusal) -> CouponRejected:
    return CouponRejected(refusal.reason.value, code=refusal.code, detail=refusal.detail)


def _following(request: HttpRequest, coupons: list[Coupon]) -> list[int]:
    """Return this session's reservations of these for another basket: signing in merges the guest's into one.

    Not where the session has ordered by that other basket: the use is the order's.
    """
    before = request.session.get(HELD, {})
    wanted = {before[str(coupon.pk)]: coupon for coupon in coupons if not coupon.held and str(coupon.pk) in before}
    if not wanted:
        return []
    order = get_shop().get_request_order(request)
    rows = Redemption.objects.filter(pk__in=wanted, state=Redemption.State.RESERVED)
    found = []
    for row in rows.exclude(cart=order.cart) if order else rows:
        wanted[row.pk].held = True
        found.append(row.pk)
    return found


GUARD = CheckoutGuard(name="campaigns.coupons", reserve=reserve, check=check)
