"""At checkout: what the basket's coupons reserve before the shop takes money, and which one must go."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from campaigns import queries
from campaigns.models import Coupon, Redemption
from campaigns.services import checking, codes, redemptions
from campaigns.services.checking import Basket
from retention.hashing import customer_key
from retention.registry import CheckoutGuard
from retention.shop import CartData, CouponRejected, get_shop

HELD = "campaigns_held"
"""Session: coupon id → id of the redemption that this session's basket reserved."""


def reserve(request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
    """Reserve every coupon of ours in the cart, and give back what it held of others. Idempotent per cart.

    Raises CouponRejected for the first that cannot be used, and has reserved nothing then; whoever calls takes that
    one out and asks again. Without codes, now or before, there is not even a query.
    """
    wanted = [code for code in map(codes.normal, cart.coupons) if code]
    basket = Basket.of(cart, email=email, user_id=user_id)
    coupons = list(queries.by_code(wanted, cart=cart.reference)) if wanted else []
    following = _following(request, coupons) if coupons else {}
    for refusal in checking.check(coupons, basket=basket, at=at).values():
        raise CouponRejected(refusal.reason.value, code=refusal.code)
    if not cart.reference:
        return  # a basket that is not stored is not ordered either
    held = {}
    if coupons:
        with transaction.atomic():
            # what is held already comes last: its row is locked when every coupon is, as a settlement does it
            for coupon in sorted(coupons, key=lambda coupon: coupon.held):
                held[str(coupon.pk)] = _hold(coupon, basket, following.get(coupon.pk), at=at).pk
    _remember(request, held, cart, at=at)


def _hold(coupon: Coupon, basket: Basket, following: int | None, *, at: datetime) -> Redemption:
    email = basket.email or (coupon.customer.email if coupon.customer else "")
    if following is not None:
        redemptions.move(following, cart=basket.reference)
    try:
        return redemptions.reserve(
            coupon,
            cart=basket.reference,
            customer_key=customer_key(email) if email else f"user:{basket.user_id}",
            customer=coupon.customer_id,
            at=at,
        )
    except redemptions.Refused as refused:
        raise CouponRejected(refused.reason.value, code=coupon.code) from refused


def _remember(request: HttpRequest, held: dict[str, int], cart: CartData, *, at: datetime) -> None:
    before = request.session.get(HELD, {})
    if before.keys() - held.keys():
        redemptions.forget(cart=cart.reference, keep=[int(pk) for pk in held], at=at)
    if before != held:
        request.session[HELD] = held


def _following(request: HttpRequest, coupons: list[Coupon]) -> dict[int, int]:
    """Return coupon id → reservation of this session for another basket: signing in merges the guest's into one.

    Not where the session has ordered by that other basket: the use is the order's.
    """
    before = request.session.get(HELD, {})
    wanted = {before[str(coupon.pk)]: coupon for coupon in coupons if not coupon.held and str(coupon.pk) in before}
    if not wanted:
        return {}
    order = get_shop().get_request_order(request)
    rows = Redemption.objects.filter(pk__in=wanted, state=Redemption.State.RESERVED)
    found = {}
    for row in rows.exclude(cart=order.cart) if order else rows:
        wanted[row.pk].held = True
        found[row.coupon_id] = row.pk
    return found


GUARD = CheckoutGuard(name="campaigns.coupons", reserve=reserve)
