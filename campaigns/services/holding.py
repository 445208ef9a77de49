"""What a cart holds of coupons: brought to just what it wants now, all or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from campaigns import validity
from campaigns.models import Redemption
from campaigns.services import limits, redemptions
from campaigns.services.redemptions import Hold
from retention.locks import one_at_a_time


@contextmanager
def turn(cart: str) -> Iterator[None]:
    """Open a transaction in which no other request changes what this cart holds; it comes before every other lock."""
    with one_at_a_time(f"campaigns.cart:{cart}", wait=True):
        yield


def hold(holds: Sequence[Hold], *, cart: str, at: datetime) -> list[Redemption]:
    """Let a cart hold just these uses, with just these discounts, until the lease is over.

    Raises redemptions.Refused for one that cannot be had, and has changed nothing then.
    """
    wanted = {hold.coupon.pk: hold for hold in holds}
    with turn(cart):
        mine = list(Redemption.objects.filter(cart=cart, state=Redemption.State.RESERVED))
        kept = {row.coupon_id for row in mine if _fits(row, wanted)}
        # before any redemption is written, and all that is given back or taken: nobody gets in between
        locked = redemptions.lock({*wanted, *(row.coupon_id for row in mine)}) if mine else {}
        if len(kept) < len(mine):
            _lock_tallies({coupon.offer_id for coupon in locked.values()}, at=at)
            redemptions.give_up([row.pk for row in mine if row.coupon_id not in kept], at=at)
        for pk, hold in wanted.items():
            hold.coupon.held = pk in kept
        return redemptions.reserve(holds, cart=cart, at=at) if holds else []


def _lock_tallies(offers: set[int], *, at: datetime) -> None:
    caps = [limit for found in limits.of(offers).values() for limit in found]
    limits.lock([(limit, validity.window(at, limit.period)) for limit in caps], offers)


def _fits(row: Redemption, wanted: Mapping[int, Hold]) -> bool:
    """Whether a reservation is just what the cart wants."""
    hold = wanted.get(row.coupon_id)
    return hold is not None and (row.discount_minor, row.currency, row.customer_key) == (
        hold.discount,
        hold.currency,
        hold.customer_key,
    )
