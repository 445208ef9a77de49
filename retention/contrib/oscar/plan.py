"""What the coupons of ours in a basket take off it, decided for all of them at once.

Oscar asks offer by offer, in an order of its own. Here the order is ours: a coupon that stands alone before those that
do not, then by priority, by kind, the older first; so it does not matter which code was put in first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from retention.contrib.oscar import parts, rules, shopper, vouchers
from retention.contrib.oscar.goods import Goods, Shelves
from retention.contrib.oscar.parts import Part
from retention.contrib.oscar.shopper import Shopper
from retention.contrib.oscar.vouchers import Coupon


@dataclass(frozen=True, kw_only=True)
class Taking:
    """What one coupon takes off. For free shipping no line has a share."""

    coupon: Coupon
    shares: Mapping[Any, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.shares.values(), start=Decimal(0))


@dataclass(kw_only=True)
class Plan:
    """For one look at a basket. Make it with ``of``."""

    lines: Sequence[Any]
    seen: Any
    """What the plan was made from: another sight of the basket is another plan."""
    who: Shopper
    unit: Decimal
    parts: list[Part] = field(default_factory=list)
    takings: dict[Any, Taking] = field(default_factory=dict)
    """By the voucher's primary key."""
    refusals: dict[Any, str] = field(default_factory=dict)
    """Why a voucher takes nothing, as a word for staff."""
    taken: set[Any] = field(default_factory=set)
    """Vouchers whose discount is on the lines already."""

    def add(self, coupons: Iterable[Coupon]) -> None:
        """Let these coupons take their part, one after the other, of what is left."""
        coupons = list(coupons)
        asked = {pk for coupon in coupons for pk in Goods.from_json(coupon.shared.goods).asked_categories}
        shelves = Shelves(self.lines, asked)
        for coupon in sorted(coupons, key=lambda coupon: coupon.turn):
            reason = self._consider(coupon, shelves)
            if reason:
                self.refusals[coupon.voucher.pk] = reason

    def _consider(self, coupon: Coupon, shelves: Shelves) -> str | None:
        goods = Goods.from_json(coupon.shared.goods)
        mine = {line for line in self.lines if _counts(line) and shelves.has(goods, line)}
        if reason := self._refusal(coupon, mine) or self._kept_out(coupon):
            return reason
        shares: Mapping[Any, Decimal] = {}
        if coupon.shared.kind != "free_shipping":
            shares = self._take(coupon, mine)
            if not shares:
                return "no_discount"
        self.takings[coupon.voucher.pk] = Taking(coupon=coupon, shares=shares)
        return None

    def _refusal(self, coupon: Coupon, mine: Collection[Any]) -> str | None:
        """Return why this basket, of this shopper, may not use the coupon, whatever else is in it."""
        terms, shared = coupon.terms, coupon.shared
        if shared.currency and self.lines and self.lines[0].price_currency != shared.currency:
            return "currency"
        # before a guest has said who they are the discount is shown; at the checkout, with the address, it goes
        if terms.is_owned and self.who.is_known and not self.who.owns(user_id=terms.user_id, owner_key=terms.owner_key):
            return "owner"
        if terms.uses > 1 and coupon.voucher.applications.count() >= terms.uses:
            return "used"
        if not mine:
            return "products"
        return "minimum" if self.missing(coupon, mine) > 0 else None

    def missing(self, coupon: Coupon, mine: Collection[Any]) -> Decimal:
        """Return what the goods must be worth more, before discounts, for the coupon; 0 or less where they will do."""
        counted = self.lines if coupon.shared.kind == "free_product" else mine
        worth = sum((parts.price(line) for line in counted), start=Decimal(0))
        return (coupon.shared.minimum or Decimal(0)) - worth

    def _kept_out(self, coupon: Coupon) -> str | None:
        for taking in self.takings.values():
            other = taking.coupon.shared
            if (other.exclusive or coupon.shared.exclusive) and not (coupon.is_paid or taking.coupon.is_paid):
                return "exclusive"
            # Oscar adds up what one offer gives, whatever vouchers it came by; and it takes off shipping only once
            if other.pk == coupon.shared.pk or other.kind == coupon.shared.kind == "free_shipping":
                return "exclusive"
        return None

    def _take(self, coupon: Coupon, mine: Collection[Any]) -> Mapping[Any, Decimal]:
        shared = coupon.shared
        from_these = [
            part
            for part in self.parts
            if part.line in mine and part.left > 0 and (shared.sale_goods or not part.reduced)
        ]
        return parts.take(shared.kind, coupon.value, from_these, self.parts, self.unit)


def of(basket: Any) -> Plan:
    """Return the plan for the basket as it is now: with what the shop's own offers have taken off so far.

    Two queries, two more where a coupon is for some categories; made anew only when the basket was reckoned anew.
    """
    lines = list(basket.all_lines())
    kept: Plan | None = getattr(basket, "_retention_plan", None)
    seen = [(line.discounts, line.quantity, _theirs(line)) for line in lines]
    if kept is not None and (kept.seen == seen or (kept.taken and _same_lines(kept.seen, seen))):
        return kept
    plan = Plan(
        lines=lines,
        seen=seen,
        who=shopper.of_basket(basket),
        unit=Decimal(1).scaleb(-get_currency_precision(basket.currency)) if lines else Decimal(1),
        parts=parts.of(lines),
    )
    plan.add(vouchers.of(basket))
    basket._retention_plan = plan
    return plan


@contextmanager
def untouched(basket: Any) -> Iterator[None]:
    """What is only asked about within the block takes nothing from the vouchers that are in the basket."""
    kept = of(basket)
    basket._retention_plan = replace(
        kept,
        parts=[replace(part) for part in kept.parts],
        takings={**kept.takings},
        refusals={**kept.refusals},
        taken={*kept.taken},
    )
    try:
        yield
    finally:
        basket._retention_plan = kept


def taking(basket: Any, voucher: Any) -> Taking | None:
    """Return what a voucher of ours takes off, None where it takes nothing."""
    return _with(basket, voucher).takings.get(voucher.pk)


def refusal(basket: Any, voucher: Any) -> str | None:
    """Return why the basket may not use a voucher, as a word for staff; None where it may."""
    plan = _with(basket, voucher)
    if voucher.pk in plan.takings:
        return None
    return plan.refusals.get(voucher.pk, "no_coupon")


def missing(basket: Any, voucher: Any) -> Decimal:
    """Return what the goods must be worth more for a voucher that is refused for its minimum."""
    terms = vouchers.terms_of(voucher)
    if terms is None:
        return Decimal(0)
    coupon, plan = Coupon(voucher=voucher, terms=terms), of(basket)
    goods = Goods.from_json(coupon.shared.goods)
    shelves = Shelves(plan.lines, goods.asked_categories)
    return plan.missing(coupon, {line for line in plan.lines if _counts(line) and shelves.has(goods, line)})


def _with(basket: Any, voucher: Any) -> Plan:
    """Return the plan; a voucher that was not in the basket when it was made comes last."""
    plan = of(basket)
    if voucher.pk not in plan.takings and voucher.pk not in plan.refusals and (terms := vouchers.terms_of(voucher)):
        plan.add([Coupon(voucher=voucher, terms=terms)])
    return plan


def _counts(line: Any) -> bool:
    return bool(line.stockrecord_id and line.product.is_discountable)


def _theirs(line: Any) -> Decimal:
    """Return what the shop's own offers take off a line."""
    amounts = [discount.amount for discount in line.discounts if not rules.is_ours(discount.offer)]
    return sum(amounts, start=Decimal(0))


def _same_lines(before: Any, now: Any) -> bool:
    return [one[:2] for one in before] == [one[:2] for one in now]
