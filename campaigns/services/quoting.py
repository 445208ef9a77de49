"""What a plain basket costs with some codes: read, and decided in the same way before it is reserved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from campaigns import pricing, queries, reasons
from campaigns.baskets import Basket
from campaigns.models import Coupon
from campaigns.quotes import Quote, Taken
from campaigns.reasons import Reason, Refusal
from campaigns.services import checking, codes
from campaigns.terms import Kind


class Refused(Exception):
    """Codes that the basket may not use; nothing was changed. ``refusals`` says exactly why, at least one."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(", ".join(f"{refusal.code}: {refusal.reason}" for refusal in refusals))
        self.refusals = tuple(refusals)

    @property
    def code(self) -> str:
        return self.refusals[0].code

    @property
    def reason(self) -> Reason:
        return self.refusals[0].reason


def find(typed: Iterable[str], *, cart: str) -> tuple[list[Coupon], list[Refusal]]:
    """Return the coupons that people meant by what they typed, the oldest first, and refusals of the rest."""
    meant = {codes.normal(text) or text for text in typed}
    coupons = list(queries.by_code({code for code in meant if codes.normal(code)}, cart=cart))
    strange = sorted(meant - {coupon.code for coupon in coupons})
    return coupons, [Refusal(code=code, reason=Reason.UNKNOWN) for code in strange]


def quote(basket: Basket, typed: Iterable[str], *, at: datetime) -> Quote:
    """Return which of these codes the basket may use now, and what each takes off. Changes nothing.

    The same whatever order they are in. What is taken would be taken without the refused ones just so; only a
    reservation decides, since others may take the last use meanwhile.
    """
    coupons, refused = find(typed, cart=basket.reference)
    basket = with_categories(basket, coupons)
    while no := check(coupons, basket, at=at):
        refused += no
        gone = {refusal.code for refusal in no}
        coupons = [coupon for coupon in coupons if coupon.code not in gone]
    return priced(coupons, basket, refused)


def priced(coupons: Sequence[Coupon], basket: Basket, refused: Iterable[Refusal] = ()) -> Quote:
    """Return what a basket costs with these coupons."""
    off = pricing.discounts(coupons, basket, {})
    taken = [Taken(coupon=coupon, discount=off[coupon.pk]) for coupon in pricing.in_turn(coupons)]
    return Quote(basket=basket, taken=tuple(taken), refused=tuple(refused))


def check(coupons: Sequence[Coupon], basket: Basket, *, at: datetime, reserving: bool = False) -> list[Refusal]:
    """Return why the basket may not use these, the oldest first. Its lines name their categories.

    One that would take nothing off is refused too: it stays good for another order, and keeps no other out. While
    nothing is reserved, shipping that costs nothing may be shipping that is not known yet.
    """

    def idle(coupon: Coupon, off: int) -> bool:
        unsaid = coupon.terms.kind == Kind.FREE_SHIPPING and not basket.shipping and not reserving
        return not off and not unsaid

    vain = [coupon for coupon in coupons if idle(coupon, pricing.alone(coupon, basket, {}))]
    refused = {
        pk: refusal
        for pk, refusal in checking.check(vain, basket=basket, at=at, reserving=reserving).items()
        if refusal.reason not in reasons.TOGETHER
    }
    some = [coupon for coupon in coupons if coupon not in vain]
    refused |= checking.check(some, basket=basket, at=at, reserving=reserving)
    rest = [coupon for coupon in some if coupon.pk not in refused]
    off = pricing.discounts(rest, basket, {})
    vain += [coupon for coupon in rest if idle(coupon, off[coupon.pk].total)]
    for coupon in vain:
        refused.setdefault(coupon.pk, Refusal(code=coupon.code, reason=Reason.NOTHING_OFF))
    return [refused[coupon.pk] for coupon in coupons if coupon.pk in refused]


def with_categories(basket: Basket, coupons: Sequence[Coupon]) -> Basket:
    """Return the basket with the categories that the coupons ask for, so that the shop is asked once."""
    kept_in = checking.categories(coupons, basket)
    return replace(
        basket,
        lines=tuple(
            line if line.categories is not None else replace(line, categories=tuple(kept_in.get(line.product, ())))
            for line in basket.lines
        ),
    )
