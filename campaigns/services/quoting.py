"""What a plain basket costs with some codes: read, and decided in the same way before it is reserved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from campaigns import pricing, queries
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


def find(typed: Iterable[str], *, cart: str, turn: bool = False) -> tuple[list[Coupon], list[Refusal]]:
    """Return the coupons that people meant by what they typed, the oldest first, and refusals of the rest.

    ``turn`` as in ``queries.by_code``.
    """
    meant = {codes.normal(text) or text for text in typed}
    coupons = list(queries.by_code({code for code in meant if codes.normal(code)}, cart=cart, turn=turn))
    strange = sorted(meant - {coupon.code for coupon in coupons})
    return coupons, [Refusal(code=code, reason=Reason.UNKNOWN) for code in strange]


def quote(basket: Basket, typed: Iterable[str], *, at: datetime) -> Quote:
    """Return which of these codes the basket may use now, and what each takes off. Changes nothing.

    The same whatever order they are in. What is taken would be taken without the refused ones just so; only a
    reservation decides, since others may take the last use meanwhile.
    """
    coupons, refused = find(typed, cart=basket.reference)
    while no := check(coupons, basket, at=at):
        refused += no
        gone = {refusal.code for refusal in no}
        coupons = [coupon for coupon in coupons if coupon.code not in gone]
    return priced(coupons, basket, refused)


def priced(coupons: Sequence[Coupon], basket: Basket, refused: Iterable[Refusal] = ()) -> Quote:
    """Return what a basket costs with these coupons."""
    off = pricing.discounts(coupons, basket, checking.categories(coupons, basket))
    taken = [Taken(coupon=coupon, discount=off[coupon.pk]) for coupon in pricing.in_turn(coupons)]
    return Quote(basket=basket, taken=tuple(taken), refused=tuple(refused))


def check(coupons: Sequence[Coupon], basket: Basket, *, at: datetime, reserving: bool = False) -> list[Refusal]:
    """Return why the basket may not use these, the oldest first.

    One that would take nothing off is refused too: it stays good for another order, and keeps no other out. While
    nothing is reserved, shipping that costs nothing may be shipping that is not known yet.
    """

    def idle(coupon: Coupon, off: int) -> bool:
        unsaid = coupon.terms.kind == Kind.FREE_SHIPPING and not basket.shipping and not reserving
        return not off and not unsaid

    kept_in = checking.categories(coupons, basket)
    vain = [coupon for coupon in coupons if idle(coupon, pricing.alone(coupon, basket, kept_in))]
    refused = checking.by_themselves(vain, basket=basket, at=at, reserving=reserving)
    some = [coupon for coupon in coupons if coupon not in vain]
    refused |= checking.check(some, basket=basket, at=at, reserving=reserving)
    rest = [coupon for coupon in some if coupon.pk not in refused]
    off = pricing.discounts(rest, basket, kept_in)
    vain += [coupon for coupon in rest if idle(coupon, off[coupon.pk].total)]
    for coupon in vain:
        refused.setdefault(coupon.pk, Refusal(code=coupon.code, reason=Reason.NOTHING_OFF))
    return [refused[coupon.pk] for coupon in coupons if coupon.pk in refused]
