"""Who is new to the shop: by the folded address of their orders, however it was spelled, with or without an account."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from retention.hashing import GMAIL, fold
from retention.models import Customer, Order

Placed = tuple[datetime, int]


def knew_us(orders: Collection[Order]) -> set[str]:
    """Return the references of those of these orders whose buyer had placed one that counts before. Two queries."""
    mailboxes = {mailbox for order in orders if (mailbox := address(order))}
    same: dict[int, str] = {}
    if mailboxes:
        likely = Customer.objects.filter(_spelled(mailboxes)).exclude(address="")
        same = {pk: box for pk, text in likely.values_list("pk", "address") if (box := fold(text)) in mailboxes}
    buyers = {order.customer_id for order in orders} | same.keys()
    first: dict[int, Placed] = {}
    of_mailbox: dict[str, Placed] = {}
    counted = Order.objects.counted().filter(customer__in=buyers).order_by("-placed_at", "-pk")
    for customer, placed_at, pk in counted.values_list("customer", "placed_at", "pk"):
        first[customer] = (placed_at, pk)  # the earliest comes last and stays
    for customer, mailbox in same.items():
        if customer in first:
            of_mailbox[mailbox] = min(first[customer], of_mailbox.get(mailbox, first[customer]))
    return {
        order.reference
        for order in orders
        for placed in (first.get(order.customer_id), of_mailbox.get(address(order)))
        if placed is not None and placed < (order.placed_at, order.pk)
    }


def address(order: Order) -> str:
    """Return the folded address of who placed an order, empty where it is not known any more."""
    email = order.email or order.customer.email
    return fold(email) if email else ""


def _spelled(mailboxes: Collection[str]) -> Q:
    """Return which addresses may be spellings of these mailboxes; Gmail's dots are left to who reads them."""
    found = Q(address__in=mailboxes)
    for mailbox in mailboxes:
        local, _, domain = mailbox.rpartition("@")
        if domain in GMAIL:
            for other in GMAIL:
                found |= Q(address__startswith=local[:1], address__endswith=f"@{other}")
        else:
            found |= Q(address__startswith=f"{local}+", address__endswith=f"@{domain}")
    return found
