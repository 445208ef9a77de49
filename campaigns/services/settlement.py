"""Uses of coupons by orders: what the orders say now is the target, the ledger is brought to it.

It does not matter in which order facts come, or how often: an order that counts and names a code has one committed
redemption; one that was cancelled or paid back in full has none.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from campaigns.models import Coupon, Redemption
from campaigns.services import engine, redemptions, replacing
from campaigns.services.book import Book
from retention.models import Order, OrderCoupon
from retention.services import facts

BY_ORDER = (Redemption.Reason.CANCELLED, Redemption.Reason.REFUNDED)
"""Why a use was given back that an order taken up again has once more."""


def settle(references: Collection[str], *, at: datetime) -> int:
    """Bring the redemptions of these orders to what the orders say now. Returns how many changed.

    The number of queries does not depend on the number of orders; only giving a coupon back in the shop is one
    call each.
    """
    orders = {
        order.reference: order for order in Order.objects.filter(reference__in=references).select_related("customer")
    }
    uses = list(OrderCoupon.objects.filter(order__reference__in=orders).select_related("order"))
    ours = dict(Coupon.objects.filter(code__in={use.code for use in uses}).values_list("code", "pk"))
    settled = set(Redemption.objects.filter(order__in=orders).values_list("coupon", flat=True))
    if not ours and not settled:
        return 0
    with transaction.atomic():
        book = Book.open({*ours.values(), *settled}, orders.values())
        named = {(ours[use.code], use.order.reference): use.discount_minor for use in uses if use.code in ours}
        if engine.current().prices:
            # a host without vouchers may not name codes: what the checkout committed stands as long as the order does
            for row in book.rows:
                if row.order in orders and (row.state != Redemption.State.RELEASED or row.reason in BY_ORDER):
                    named.setdefault((row.coupon_id, row.order), row.discount_minor)
        for (coupon, reference), discount in sorted(named.items()):
            book.settle(coupon, orders[reference], discount, at=at)
        for row in [row for row in book.rows if row.order in orders]:
            if (row.coupon_id, row.order) not in named:
                book.release(row, Redemption.Reason.DROPPED, at=at)
        book.write()
        facts.publish(book.happened)
        give_back(book, at=at)
    return len(book.touched)


def give_back(book: Book, *, at: datetime) -> None:
    """Give uses back in the host; where it cannot, the person gets a coupon like it instead.

    Coupons that stand in for others are brought to what is left of those before.
    """
    redemptions.inherit(book.coupons, at=at)
    host = engine.current()
    lost = [row for row in book.given_back if not host.give_back(book.coupons[row.coupon_id].code, order=row.order)]
    if lost:
        replacing.replace([book.coupons[row.coupon_id] for row in lost], source="returned", at=at)


def settle_excess(*, limit: int = 500, at: datetime) -> int:
    """Count uses in excess as ordinary ones where a use has come free since. Returns how many changed."""
    rows = Redemption.objects.filter(state=Redemption.State.EXCESS).order_by("pk")
    return settle(set(rows.values_list("order", flat=True)[:limit]), at=at)
