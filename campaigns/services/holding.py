"""What a cart holds of coupons: brought to just what it wants now, all or none.

One request at a time changes what a cart holds. Whoever reads the cart's coupons anyway takes the turn on the way, by
``queries.by_code(turn=True)`` inside ``transaction``; then a cart that held nothing costs no query for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

from django.db import connection
from django.db import transaction as database
from django.db.models import Q

from campaigns import queries, validity
from campaigns.models import Redemption
from campaigns.services import limits, redemptions
from campaigns.services.redemptions import Hold
from retention.locks import one_at_a_time


def transaction() -> AbstractContextManager[object]:
    """Open a transaction where none is open: a turn that is taken on the way lasts to its end."""
    return nullcontext() if connection.in_atomic_block else database.atomic()


@contextmanager
def turn(cart: str) -> Iterator[None]:
    """Open a transaction in which no other request changes what this cart holds; it comes before every other lock."""
    with one_at_a_time(queries.turn_of(cart), wait=True):
        yield


def hold(
    holds: Sequence[Hold], *, cart: str, at: datetime, empty: bool = False, following: Collection[int] = ()
) -> list[Redemption]:
    """Let a cart hold just these uses, with just these discounts, until the lease is over.

    ``empty``: it is the cart's turn, and it was seen to hold nothing. ``following``: reservations of other carts that
    are its own now, by id. Raises redemptions.Refused for one that cannot be had, and has changed nothing then.
    """
    if empty and not following:
        try:
            return redemptions.reserve(holds, cart=cart, at=at, empty=True)
        except redemptions.Refused:
            pass  # there is none, or another request of this cart was quicker: it is looked at once more
    wanted = {hold.coupon.pk: hold for hold in holds}
    with turn(cart):
        reserved = Redemption.objects.filter(state=Redemption.State.RESERVED)
        mine = list(reserved.filter(Q(cart=cart) | Q(pk__in=following) if following else Q(cart=cart)))
        # before any redemption is written, and all that is given back or taken: nobody gets in between
        locked = redemptions.lock({*wanted, *(row.coupon_id for row in mine)}) if mine else {}
        mine = [row for row in mine if row.cart == cart or redemptions.move(row.pk, cart=cart)]
        kept = {row.coupon_id for row in mine if _fits(row, wanted)}
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
