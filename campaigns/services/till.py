"""Coupons at a checkout without vouchers: quote, reserve, commit, release, on a plain basket.

For any shop that reckons with our discounts, from Python and behind the API. Meanings and limits are those of every
other door: ``checking`` and ``redemptions`` decide before the order, ``book`` after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q

from campaigns.baskets import Basket
from campaigns.models import Redemption
from campaigns.quotes import Quote
from campaigns.reasons import Refusal
from campaigns.services import checkout, holding, quoting, redemptions, settlement
from campaigns.services.book import Book
from campaigns.services.quoting import Refused, quote
from retention.models import Order
from retention.services import facts

__all__ = ["NotReserved", "Refused", "commit", "quote", "release", "reserve"]

State = Redemption.State


class NotReserved(Exception):
    """The cart never reserved this code: reserve it first, then commit. Nothing was changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def reserve(basket: Basket, typed: Iterable[str], *, at: datetime) -> Quote:
    """Hold a use of each code for the basket until the lease is over, and give back what it held of others.

    All or none: raises Refused where one cannot be had, and has changed nothing then. The same basket again renews the
    lease; with other prices it holds what they make of it. The basket has a reference and says who shops.
    """
    if not basket.reference:
        raise ValueError("A basket without a reference cannot hold a coupon.")
    with holding.transaction():
        coupons, refused = quoting.find(typed, cart=basket.reference, turn=True)
        refused += quoting.check(coupons, basket, at=at, reserving=True)
        if refused:
            raise Refused(refused)
        empty = bool(coupons) and not any(coupon.crowded for coupon in coupons)
        try:
            rows = holding.hold(checkout.holds(coupons, basket), cart=basket.reference, at=at, empty=empty)
        except redemptions.Refused as no:
            raise Refused([Refusal(code=no.coupon.code, reason=no.reason)]) from no
    until = min((row.lease_until for row in rows if row.lease_until), default=None)
    return replace(quoting.priced(coupons, basket), until=until)


def commit(*, order: str, cart: str, typed: Iterable[str], at: datetime) -> list[Redemption]:
    """Note that an order has used these codes, as the cart reserved them, and give back what else it held.

    Idempotent per coupon and order. The order need not have been read from the shop yet; one that was called off
    already gives its uses back at once. Where the lease is over and the use is gone meanwhile, the use is in excess and
    shown to staff: the shopper has been promised the discount. What was released for an order stays released.
    Returns the uses by coupon. Raises Refused for unknown codes, NotReserved, and has changed nothing then.
    """
    coupons, strange = quoting.find(typed, cart=cart)
    if strange:
        raise Refused(strange)
    ids = {coupon.pk: coupon.code for coupon in coupons}
    with holding.turn(cart):
        mine = _within_reach(order, cart, ids)
        known = Order.objects.filter(reference=order).select_related("customer").first()
        placed = known or _unread(order, mine, at=at)
        digest, placed.cart = placed.digest, cart
        book = Book.open({*ids, *(row.coupon_id for row in mine)}, [placed], also=[row.pk for row in mine])
        used = [_use(book, pk, code, placed, at=at) for pk, code in ids.items()]
        for row in book.rows:
            if row.state == State.RESERVED and row.cart == cart:
                book.release(row, Redemption.Reason.REMOVED, at=at)
        _write(book, at=at)
        transaction.on_commit(partial(_catch_up, order, digest, at=at))
    return used


def release(*, order: str = "", cart: str = "", at: datetime) -> int:
    """Give back what an order used, or what a cart holds. Idempotent. Returns how many uses.

    An order that names its codes to us has the last word: while it counts, they are used.
    """
    count = redemptions.forget(cart=cart, keep=(), at=at) if cart else 0
    mine = list(Redemption.objects.filter(order=order).exclude(state=State.RELEASED)) if order else []
    if not mine:
        return count
    with transaction.atomic():
        known = Order.objects.filter(reference=order).select_related("customer").first()
        book = Book.open({row.coupon_id for row in mine}, [known or _unread(order, mine, at=at)])
        for row in book.rows:
            if row.order == order:
                book.release(row, Redemption.Reason.DROPPED, at=at)
        _write(book, at=at)
    return count + len(book.touched)


def _within_reach(order: str, cart: str, ids: Collection[int]) -> list[Redemption]:
    """Return the uses that the order has, and those that its cart holds or held until its lease was over."""
    held = Q(cart=cart, state=State.RESERVED)
    lapsed = Q(cart=cart, state=State.RELEASED, reason=Redemption.Reason.LEASE, order="", coupon__in=ids)
    return list(Redemption.objects.filter(Q(order=order) | held | lapsed).order_by("pk"))


def _unread(order: str, mine: Collection[Redemption], *, at: datetime) -> Order:
    """Return an order that we have not read from the shop, as far as its uses tell. It is not saved."""
    unread = Order(reference=order, currency=next((row.currency for row in mine), ""), placed_at=at)
    for row in mine:
        if row.customer_id is not None:
            unread.customer_id = row.customer_id
    return unread


def _use(book: Book, coupon: int, code: str, order: Order, *, at: datetime) -> Redemption:
    """Settle one coupon by the order's own use, else by what the cart holds, else by what it held at last."""
    rows = [row for row in book.rows if row.coupon_id == coupon]
    own = next((row for row in rows if row.order == order.reference), None)
    held = next((row for row in rows if row.state == State.RESERVED and row.cart == order.cart), None)
    lapsed = [row for row in rows if row.cart == order.cart and not row.order and row.state == State.RELEASED]
    row = own or held or next(reversed(lapsed), None)
    if row is None:
        raise NotReserved(code)
    if own and held:
        # the order was read before its cart was known: the cart's use is the order's
        book.release(held, Redemption.Reason.REMOVED, at=at)
    if row is not own or row.state != State.RELEASED:
        row.order = order.reference
        book.settle(coupon, order, row.discount_minor, at=at)
    return row


def _write(book: Book, *, at: datetime) -> None:
    book.write()
    facts.publish(book.happened)
    settlement.give_back(book, at=at)


def _catch_up(order: str, digest: str, *, at: datetime) -> None:
    """Settle an order that was read from the shop while its uses were written: that reading did not see them."""
    now = Order.objects.filter(reference=order).values_list("digest", flat=True).first()
    if now is not None and now != digest:
        settlement.settle({order}, at=at)
