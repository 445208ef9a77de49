"""Whether a basket may use a coupon, and if not, exactly why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from campaigns import conditions
from campaigns.models import Coupon
from campaigns.reasons import Reason, Refusal
from campaigns.services import redemptions
from campaigns.terms import Asked, Kind
from retention import registry
from retention.hashing import customer_key, normal
from retention.models import Customer
from retention.money import to_minor
from retention.shop import CartData

FIRST_ORDER = Asked(name=conditions.FIRST_ORDER.name)


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What a coupon is checked against. Money in minor units."""

    reference: str
    currency: str
    worth: int
    """Of the goods, before discounts."""
    email: str
    user_id: int | None

    @classmethod
    def of(cls, cart: CartData, *, email: str, user_id: int | None) -> Basket:
        """Return the basket of somebody who may have said more at the checkout than the cart knows."""
        goods = sum((line.price for line in cart.lines), start=cart.total * 0) if cart.lines else cart.total
        return cls(
            reference=cart.reference,
            currency=cart.currency,
            worth=to_minor(goods, cart.currency),
            email=email or cart.email,
            user_id=user_id if user_id is not None else cart.user_id,
        )

    @property
    def is_known(self) -> bool:
        """Whether anything is known of who shops."""
        return bool(self.email) or self.user_id is not None


def check(coupons: Sequence[Coupon], *, basket: Basket, at: datetime) -> dict[int, Refusal]:
    """Return coupon id → why the basket may not use it; one that it may use is left out.

    Coupons come from ``queries.by_code``. At most four queries more, and those only where a condition is asked.
    """
    refused: dict[int, Refusal] = {}
    for coupon in coupons:
        reason = _state(coupon, at=at) or _owner(coupon, basket) or _money(coupon, basket)
        if reason:
            refused[coupon.pk] = Refusal(code=coupon.code, reason=reason)
    asked = [coupon for coupon in coupons if coupon.pk not in refused]
    refused |= _conditions(asked, basket=basket, at=at)
    refused |= _exclusive([coupon for coupon in asked if coupon.pk not in refused], basket)
    return refused


def too_late(coupons: Sequence[Coupon], *, at: datetime) -> set[int]:
    """Return which of these are for a first order that their owner has placed already."""
    nobody = Basket(reference="", currency="", worth=0, email="", user_id=None)
    first = [coupon for coupon in coupons if coupon.terms.first_order_only]
    refused = _conditions(first, basket=nobody, at=at)
    return {pk for pk, refusal in refused.items() if refusal.reason == Reason.NOT_FIRST_ORDER}


def _state(coupon: Coupon, *, at: datetime) -> Reason | None:
    if coupon.state == Coupon.State.VOID:
        return Reason.VOID
    if coupon.expires_at <= at:
        return Reason.EXPIRED
    if not coupon.held and coupon.max_uses is not None and coupon.used >= coupon.max_uses:
        return redemptions.why_not(coupon, at=at)
    return None


def _owner(coupon: Coupon, basket: Basket) -> Reason | None:
    if coupon.customer is None:
        return None
    if not basket.is_known:
        return Reason.NO_ADDRESS
    return None if owns(coupon, email=basket.email, user_id=basket.user_id) else Reason.SOMEONE_ELSES


def owns(coupon: Coupon, *, email: str, user_id: int | None) -> bool:
    """Whether a coupon is for this account or this mailbox, however its address is spelled."""
    owner = coupon.customer
    if owner is None:
        return True
    if user_id is not None and owner.user_id == user_id:
        return True
    return bool(email and owner.email) and customer_key(email) == customer_key(owner.email)


def _money(coupon: Coupon, basket: Basket) -> Reason | None:
    if coupon.currency and coupon.currency != basket.currency:
        return Reason.WRONG_CURRENCY
    money = coupon.money
    if money is not None and money.minimum and basket.worth < money.minimum:
        return Reason.BELOW_MINIMUM
    return None


def _conditions(coupons: Sequence[Coupon], *, basket: Basket, at: datetime) -> dict[int, Refusal]:
    """Ask each condition once for all coupons that have it; it must hold for the owner and for who shops."""
    asked: list[Asked] = []
    for coupon in coupons:
        asked += [one for one in _asked(coupon) if one not in asked]
    shoppers = _shoppers(basket) if asked else set()
    refused: dict[int, Refusal] = {}
    for one in asked:
        whom = [coupon for coupon in coupons if one in _asked(coupon)]
        condition = registry.conditions.get(one.name)
        people = {coupon.pk: shoppers | _owners(coupon) for coupon in whom}
        holds = (
            condition.matching({pk for ids in people.values() for pk in ids}, one.parameters, at)
            if condition
            else set()
        )
        for coupon in whom:
            if condition and people[coupon.pk] <= holds:
                continue
            refused[coupon.pk] = Refusal(
                code=coupon.code,
                reason=Reason.NOT_FIRST_ORDER if one == FIRST_ORDER else Reason.CONDITION,
                detail=str(condition.reason(one.parameters)) if condition else one.name,
            )
    return refused


def _owners(coupon: Coupon) -> set[int]:
    return set() if coupon.customer_id is None else {coupon.customer_id}


def _asked(coupon: Coupon) -> list[Asked]:
    terms = coupon.terms
    return [*([FIRST_ORDER] if terms.first_order_only else []), *terms.conditions]


def _shoppers(basket: Basket) -> set[int]:
    """Return our ids of everybody who may be the one who shops."""
    who = Q(user=basket.user_id) if basket.user_id is not None else Q()
    if basket.email:
        who |= Q(address=normal(basket.email))
    return set(Customer.objects.living().filter(who).values_list("pk", flat=True)) if who else set()


def _exclusive(coupons: Sequence[Coupon], basket: Basket) -> dict[int, Refusal]:
    """Where one of several stands alone, let the one that takes off most stay; of equals the oldest."""
    if len(coupons) < 2 or not any(coupon.terms.exclusive for coupon in coupons):
        return {}
    best = max(coupons, key=lambda coupon: (worth(coupon, basket), -coupon.pk))
    others: Collection[Coupon] = [coupon for coupon in coupons if coupon.pk != best.pk]
    if not best.terms.exclusive:
        others = [coupon for coupon in others if coupon.terms.exclusive]
    return {coupon.pk: Refusal(code=coupon.code, reason=Reason.EXCLUSIVE) for coupon in others}


def worth(coupon: Coupon, basket: Basket) -> int:
    """Return what a coupon takes off a basket, minor units, as far as the goods decide it."""
    terms, money = coupon.terms, coupon.money
    if terms.kind == Kind.PERCENTAGE and terms.percent is not None:
        return int(basket.worth * terms.percent / 100)
    if terms.kind == Kind.AMOUNT and money is not None and money.amount is not None:
        return min(money.amount, basket.worth)
    return 0
