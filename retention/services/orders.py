"""The projection: what the shop says of its orders now, and the facts that follow from what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from retention.conf import conf
from retention.facts import (
    FactData,
    OrderCancelled,
    OrderChanged,
    OrderChangedHands,
    OrderDelivered,
    OrderFulfilled,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderReinstated,
)
from retention.hashing import normal
from retention.models import Customer, Order, OrderCoupon, OrderLine, Refund
from retention.money import to_minor
from retention.services import customers, facts, installation
from retention.shop import OrderData, RefundData

TIMES = {
    "paid_at": OrderPaid,
    "fulfilled_at": OrderFulfilled,
    "delivered_at": OrderDelivered,
    "cancelled_at": OrderCancelled,
}

COLUMNS = [
    "number", "customer", "host_status", "email", "language", "country", "postcode", "currency",
    "items_minor", "shipping_minor", "tax_minor", "total_minor", "refunded_minor", "points_spent", "cart",
    "site_id", "placed_at", "paid_at", "fulfilled_at", "delivered_at", "cancelled_at", "read_at", "final", "log",
    "digest",
]  # fmt: skip


def project(
    orders: Collection[OrderData], *, at: datetime, log: str = "", owners: Mapping[str, int] | None = None
) -> int:
    """Bring the projection to what the shop says now and publish what changed. Returns how many orders changed.

    The number of queries does not depend on the number of orders. Call it while holding the drain's lock;
    the same data again changes nothing. ``log``: not the shop says so, but the log of this name, whose orders are
    history. ``owners``: the customers of orders, by reference, where it is known already whose they are.
    """
    known = {
        row.reference: row
        for row in Order.objects.filter(reference__in=[order.reference for order in orders]).select_related("customer")
    }
    changed = [order for order in orders if (old := known.get(order.reference)) is None or old.digest != digest(order)]
    if not changed:
        return 0
    owners = _owners(changed, known, told=owners or {}, at=at)
    erased = set(
        Customer.objects.filter(pk__in=set(owners.values()), erased_at__isnull=False).values_list("pk", flat=True)
    )
    live_since = installation.get().live_since
    rows = {
        order.reference: _row(
            order,
            known.get(order.reference),
            owners[order.reference],
            live_since,
            erased=owners[order.reference] in erased,
            log=log,
            at=at,
        )
        for order in changed
    }
    happened: list[FactData] = []
    for order in changed:
        happened.extend(_differences(known.get(order.reference), rows[order.reference], refunds=order.refunds))
    Order.objects.bulk_create(rows.values(), update_conflicts=True, unique_fields=["reference"], update_fields=COLUMNS)
    _write_parts(changed)
    touched = {row.customer_id for row in rows.values()} | {
        known[reference].customer_id for reference in rows if reference in known
    }
    customers.refresh(touched)
    facts.publish(happened)
    return len(changed)


def digest(order: OrderData) -> str:
    """Return a hash of everything the shop says of an order."""
    # a set has no order of its own: the same words print differently in another process
    told = repr((replace(order, reached=frozenset()), sorted(order.reached)))
    return hashlib.blake2b(told.encode(), digest_size=32).hexdigest()


def _owners(
    orders: Collection[OrderData], known: Mapping[str, Order], *, told: Mapping[str, int], at: datetime
) -> dict[str, int]:
    """Return order reference → customer id."""
    settled = {order.reference: told[order.reference] for order in orders if order.reference in told}
    orders = [order for order in orders if order.reference not in settled]
    guests = _joined(orders, known)
    for order in orders:
        old = known.get(order.reference)
        if old and _keeps_owner(old.customer, order, guests):
            settled[order.reference] = old.customer_id
    found = customers.resolve([order for order in orders if order.reference not in settled], at=at)
    settled |= {reference: customer for reference, customer in found.items() if customer is not None}
    nameless = [order for order in orders if order.reference not in settled]
    # no account, and no address or one that was erased: somebody, known by this order alone
    made = Customer.objects.bulk_create(
        [
            Customer(kind=Customer.Kind.GUEST, created_at=at, erased_at=at if order.email.strip() else None)
            for order in nameless
        ]
    )
    return settled | {order.reference: row.pk for order, row in zip(nameless, made, strict=True)}


def _joined(orders: Collection[OrderData], known: Mapping[str, Order]) -> set[tuple[int, str]]:
    """Return the pairs (member, address) of those guests that the present owners of these orders have absorbed."""
    owned = {
        known[order.reference].customer_id: normal(order.email)
        for order in orders
        if order.user_id is None and order.reference in known and known[order.reference].customer.is_member
    }
    if not owned:
        return set()
    absorbed = Customer.objects.filter(absorbed_into__in=owned, address__in=set(owned.values()))
    return {(member, address) for member, address in absorbed.values_list("absorbed_into", "address") if member}


def _keeps_owner(owner: Customer, order: OrderData, joined: Collection[tuple[int, str]]) -> bool:
    if owner.erased_at:
        return True  # a sweep brings nothing back
    if order.user_id is not None:
        return False
    address = normal(order.email)
    # a host that cannot attach guests' orders goes on calling it a guest's; the mailbox was proven to us
    return not address or (owner.pk, address) in joined


def _row(
    order: OrderData,
    old: Order | None,
    customer: int,
    live_since: datetime | None,
    *,
    erased: bool,
    log: str,
    at: datetime,
) -> Order:
    """Return the row to write; what the host does not time is stamped when first seen."""
    refunded = sum((refund.amount for refund in order.refunds), start=order.total * 0)
    news = live_since is not None and order.placed_at >= max(live_since, at - timedelta(days=conf.NEWS_DAYS))
    row = Order(
        reference=order.reference,
        number=order.number,
        customer_id=customer,
        host_status=order.status[:100],
        email="" if erased else order.email[:254],
        language=order.language[:16],
        country=order.country[:2],
        postcode="" if erased else order.postcode[:64],
        currency=order.currency,
        items_minor=to_minor(order.items, order.currency),
        shipping_minor=to_minor(order.shipping, order.currency),
        tax_minor=None if order.tax is None else to_minor(order.tax, order.currency),
        total_minor=to_minor(order.total, order.currency),
        refunded_minor=to_minor(refunded, order.currency),
        points_spent=order.points_spent,
        cart=order.cart,
        site_id=order.site_id,
        placed_at=order.placed_at,
        first_seen_at=old.first_seen_at if old else at,
        read_at=at,
        history=old.history if old else bool(log) or not news,
        final=order.final,
        log=log,
        digest=digest(order),
    )
    for field in TIMES:
        time = getattr(order, field)
        if time is None and field.removesuffix("_at") in order.reached:
            time = (getattr(old, field) if old else None) or at
        setattr(row, field, time)
    return row


def _differences(old: Order | None, new: Order, *, refunds: Collection[RefundData]) -> Iterator[FactData]:
    """Yield what happened between two readings of one order."""
    about: Any = {"customer": new.customer_id, "order": new.reference, "history": new.history}
    count = 0
    if old is None:
        count += 1
        yield OrderPlaced(**about, at=new.placed_at, total_minor=new.total_minor, currency=new.currency)
    elif old.customer_id != new.customer_id:
        count += 1
        yield OrderChangedHands(**about, at=new.read_at, old_customer=old.customer_id)
    for field, fact in TIMES.items():
        time = getattr(new, field)
        if time and not (old and getattr(old, field)):
            count += 1
            yield fact(**about, at=time)
    if old and old.cancelled_at and not new.cancelled_at:
        count += 1
        yield OrderReinstated(**about, at=new.read_at)
    if new.refunded_minor != (old.refunded_minor if old else 0):
        count += 1
        # of what is long past it matters when it was, and not when we heard of it
        at = max((refund.at for refund in refunds), default=new.read_at) if new.history else new.read_at
        yield OrderRefunded(**about, at=min(at, new.read_at), refunded_minor=new.refunded_minor)
    if not count:
        yield OrderChanged(**about, at=new.read_at)


def _write_parts(orders: Collection[OrderData]) -> None:
    """Write lines, refunds and coupons of these orders anew."""
    ids = dict(Order.objects.filter(reference__in=[order.reference for order in orders]).values_list("reference", "pk"))
    for part in (OrderLine, Refund, OrderCoupon):
        part.objects.filter(order__in=ids.values()).delete()
    OrderLine.objects.bulk_create(
        [
            OrderLine(
                order_id=ids[order.reference],
                reference=line.reference,
                product=line.product,
                title=line.title[:255],
                categories=list(line.categories),
                quantity=line.quantity,
                list_minor=to_minor(line.list_price, order.currency),
                amount_minor=to_minor(line.amount, order.currency),
                tax_minor=None if line.tax is None else to_minor(line.tax, order.currency),
                cost_minor=None if line.cost is None else to_minor(line.cost, order.currency),
            )
            for order in orders
            for line in order.lines
        ]
    )
    Refund.objects.bulk_create(
        [
            Refund(
                order_id=ids[order.reference],
                reference=refund.reference,
                amount_minor=to_minor(refund.amount, order.currency),
                lines=[[line, to_minor(amount, order.currency)] for line, amount in refund.lines],
                at=refund.at,
            )
            for order in orders
            for refund in order.refunds
        ]
    )
    OrderCoupon.objects.bulk_create(
        [
            OrderCoupon(
                order_id=ids[order.reference], code=use.code, discount_minor=to_minor(use.discount, order.currency)
            )
            for order in orders
            for use in order.coupons
        ]
    )
