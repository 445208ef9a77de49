"""Whether a basket may use a coupon, and if not, exactly why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from campaigns import backing, conditions, pricing, validity
from campaigns.baskets import Basket
from campaigns.models import Coupon, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason, Refusal
from campaigns.services import limits, margin, redemptions, shopper
from campaigns.terms import Asked, Kind
from retention import registry
from retention.hashing import customer_key, normal
from retention.models import Customer

FIRST_ORDER = Asked(name=conditions.FIRST_ORDER.name)


def check(coupons: Sequence[Coupon], *, basket: Basket, at: datetime, reserving: bool = False) -> dict[int, Refusal]:
    """Return coupon id → why the basket may not use it; one that it may use is left out.

    Coupons come from ``queries.by_code``. A query is made only for what a coupon asks: categories, conditions, limits,
    the margin guard. ``reserving``: they are about to be reserved, which decides about every limit by itself; who
    shops must be known for that.
    """
    refused = by_themselves(coupons, basket=basket, at=at, reserving=reserving)
    kept_in = categories(coupons, basket)
    refused |= _exclusive(_rest(coupons, refused))
    refused |= _margin(_rest(coupons, refused), coupons, basket, kept_in)
    return refused


def by_themselves(
    coupons: Sequence[Coupon], *, basket: Basket, at: datetime, reserving: bool = False
) -> dict[int, Refusal]:
    """Return the part of ``check`` that is not about what they are together with."""
    kept_in = categories(coupons, basket)
    refused: dict[int, Refusal] = {}
    for coupon in coupons:
        reason = _state(coupon, at=at) or _owner(coupon, basket, reserving) or _money(coupon, basket, kept_in)
        if reason:
            refused[coupon.pk] = Refusal(code=coupon.code, reason=reason)
    refused |= _conditions(_rest(coupons, refused), basket=basket, at=at)
    refused |= backing.refused(_rest(coupons, refused), at=at)
    if not reserving:
        refused |= _limits(_rest(coupons, refused), basket, kept_in, at=at)
    return refused


def _rest(coupons: Sequence[Coupon], refused: Mapping[int, Refusal]) -> list[Coupon]:
    return [coupon for coupon in coupons if coupon.pk not in refused]


def too_late(coupons: Sequence[Coupon], *, at: datetime) -> set[int]:
    """Return which of these are for a first order that their owner has placed already."""
    first = [coupon for coupon in coupons if coupon.terms.first_order_only]
    refused = _conditions(first, basket=Basket(currency=""), at=at)
    return {pk for pk, refusal in refused.items() if refusal.reason == Reason.NOT_FIRST_ORDER}


def _state(coupon: Coupon, *, at: datetime) -> Reason | None:
    if coupon.state == Coupon.State.VOID:
        return Reason.VOID
    if coupon.expires_at <= at:
        return Reason.EXPIRED
    if coupon.starts_at is not None and coupon.starts_at > at:
        return Reason.NOT_STARTED
    if not coupon.held and coupon.max_uses is not None and coupon.used >= coupon.max_uses:
        return redemptions.why_not(coupon, at=at)
    return None


def _owner(coupon: Coupon, basket: Basket, reserving: bool) -> Reason | None:
    if not basket.is_known:
        # of nobody in particular there is no "once per person"
        return Reason.NO_ADDRESS if reserving or coupon.customer is not None else None
    if coupon.customer is None:
        return None
    return None if owns(coupon, email=basket.email, user_id=basket.user_id) else Reason.SOMEONE_ELSES


def owns(coupon: Coupon, *, email: str, user_id: int | None) -> bool:
    """Whether a coupon is for this account or this mailbox, however its address is spelled."""
    owner = coupon.customer
    if owner is None:
        return True
    if user_id is not None and owner.user_id == user_id:
        return True
    return bool(email and owner.email) and customer_key(email) == customer_key(owner.email)


# The basket's own part


def categories(coupons: Sequence[Coupon], basket: Basket) -> pricing.Categories:
    """Return product → its categories, asked of the shop only where a coupon needs them."""
    unknown = any(line.categories is None for line in basket.lines)
    if not unknown or not any(coupon.terms.goods.asks_categories for coupon in coupons):
        return {}
    return {reference: product.categories for reference, product in basket.goods.items()}


def _money(coupon: Coupon, basket: Basket, kept_in: pricing.Categories) -> Reason | None:
    terms, money = coupon.terms, coupon.money
    if coupon.currency and coupon.currency != basket.currency:
        return Reason.WRONG_CURRENCY
    least = money.minimum if money is not None else None
    if not basket.lines:
        return Reason.BELOW_MINIMUM if least else None
    mine = pricing.meant(terms, basket, kept_in)
    if not mine:
        return Reason.GOODS
    worth = basket.worth if terms.kind == Kind.FREE_PRODUCT else sum(basket.lines[index].price for index in mine)
    return Reason.BELOW_MINIMUM if least and worth < least else None


def amounts(coupons: Sequence[Coupon], basket: Basket, kept_in: pricing.Categories) -> dict[int, int]:
    """Return coupon id → what it takes off, all together, minor units: by the host's word where it is in its basket."""
    said = basket.discounts if basket.discounts is not None else {}
    unsaid = [coupon for coupon in coupons if basket.discounts is None or coupon.code not in basket.codes]
    reckoned = pricing.discounts(unsaid, basket, kept_in)
    return {
        coupon.pk: reckoned[coupon.pk].total if coupon.pk in reckoned else said.get(coupon.code, 0)
        for coupon in coupons
    }


# Who shops


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
        everybody = {pk for ids in people.values() for pk in ids}
        holds = condition.matching(everybody, one.parameters, at) if condition and everybody else set()
        for coupon in whom:
            who = people[coupon.pk]
            if condition and who <= holds and (who or condition.newcomer(one.parameters, at=at)):
                continue
            if not who and not basket.is_known:
                refused[coupon.pk] = Refusal(code=coupon.code, reason=Reason.NO_ADDRESS)
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


# How often, and how much


def _limits(
    coupons: Sequence[Coupon], basket: Basket, kept_in: pricing.Categories, *, at: datetime
) -> dict[int, Refusal]:
    """Find who or what has been given enough, as things are now; only a reservation decides.

    Several of one offer count together, the oldest first.
    """
    refused = _persons(coupons, basket, at=at)
    of = limits.of({coupon.offer_id for coupon in coupons if coupon.limited})
    takes = amounts(coupons, basket, kept_in) if of else {}
    beside: Counter[limits.Need] = Counter()
    for coupon in coupons:
        caps = of.get(coupon.offer_id)
        if not caps or coupon.held or coupon.pk in refused:
            continue
        mine = limits.needs(caps, currency=basket.currency, discount=takes[coupon.pk], at=at)
        wanted = mine + Counter({need: beside[need] for need in mine})
        reason = limits.peek(caps, wanted) if limits.covers(caps, basket.currency) else Reason.BUDGET
        if reason:
            refused[coupon.pk] = Refusal(code=coupon.code, reason=reason)
        else:
            beside += mine
    return refused


def _persons(coupons: Sequence[Coupon], basket: Basket, *, at: datetime) -> dict[int, Refusal]:
    counted = [
        coupon
        for coupon in coupons
        if not coupon.held and (coupon.terms.per_customer is not None or coupon.customer_id is None)
    ]
    if not counted or not basket.is_known:
        return {}
    key = shopper.key_of(basket)
    # each half is what an index holds; a use without a slot in the offer is none of few
    of_these = Q(coupon__in=[coupon.pk for coupon in counted]) | Q(
        offer__in={coupon.offer_id for coupon in counted}, offer_slot__isnull=False
    )
    mine = Redemption.objects.filter(of_these, customer_key=key, state__in=LIVE)
    live = list(mine.values_list("offer", "coupon", "window", "offer_slot"))
    refused = {}
    for coupon in counted:
        window = validity.window(at, coupon.terms.per_customer_period)
        of_coupon = sum(1 for _, one, _, _ in live if one == coupon.pk)
        of_offer = sum(1 for offer, _, since, n in live if n and offer == coupon.offer_id and since == window)
        allowed = coupon.terms.per_customer
        if of_coupon >= coupon.per_customer or (allowed is not None and of_offer >= allowed):
            refused[coupon.pk] = Refusal(code=coupon.code, reason=Reason.CUSTOMER_LIMIT)
        else:
            live.append((coupon.offer_id, coupon.pk, window, allowed))
    return refused


# Together


def _exclusive(coupons: Sequence[Coupon]) -> dict[int, Refusal]:
    """Where one of several stands alone, it keeps the others out; of several such the first in turn.

    What was paid for, as points pay, is beside any of them, as money would be.
    """
    coupons = [coupon for coupon in coupons if coupon.amount_minor is None]
    if len(coupons) < 2:
        return {}
    first, *others = pricing.in_turn(coupons)
    if not first.terms.exclusive:
        return {}
    return {coupon.pk: Refusal(code=coupon.code, reason=Reason.EXCLUSIVE) for coupon in others}


def _margin(
    coupons: Sequence[Coupon], asked: Sequence[Coupon], basket: Basket, kept_in: pricing.Categories
) -> dict[int, Refusal]:
    """Refuse from the last in turn on, until what is left to pay for the goods is not below the floor.

    ``asked``: those too that are refused already, and leave what they took.
    """
    rule = margin.guard() if basket.lines and any(coupon.guarded for coupon in coupons) else None
    if rule is None:
        return {}
    floor = margin.floor(basket, rule)
    taking = [coupon for coupon in pricing.in_turn(coupons) if coupon.terms.kind != Kind.FREE_SHIPPING]
    refused = {}
    gone = [coupon for coupon in asked if coupon not in coupons]
    while taking and goods_left(taking, basket, kept_in, gone=gone) < floor:
        last = taking.pop()
        gone.append(last)
        refused[last.pk] = Refusal(code=last.code, reason=Reason.MARGIN)
    return refused


def goods_left(
    coupons: Sequence[Coupon], basket: Basket, kept_in: pricing.Categories, *, gone: Sequence[Coupon] = ()
) -> int:
    """Return what the goods cost with these coupons of ours, minor units.

    The host's word is taken for what it has reckoned: with all that is in its basket, vouchers of its own included, but
    without those of ours that are ``gone``. What free shipping saves is no part of the goods.
    """
    if basket.left is None or basket.discounts is None:
        taken = pricing.discounts(coupons, basket, kept_in)
        return sum(line.due for line in basket.lines) - sum(sum(discount.lines) for discount in taken.values())
    back = sum(basket.discounts.get(coupon.code, 0) for coupon in gone if coupon.terms.kind != Kind.FREE_SHIPPING)
    to_come = sum(
        pricing.alone(coupon, basket, kept_in)
        for coupon in coupons
        if coupon.code not in basket.codes and coupon.terms.kind != Kind.FREE_SHIPPING
    )
    return basket.left + back - to_come
