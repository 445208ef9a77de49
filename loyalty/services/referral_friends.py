"""Who is new to the shop: by the folded address of their orders, however it was spelled, with or without an account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db.models import Q

from retention.hashing import GMAIL, fold
from retention.mailboxes import Letters, letters
from retention.models import Customer, Order

Placed = tuple[datetime, int]


def of_one_mailbox(orders: Iterable[Order]) -> dict[int, str]:
    """Return customer id → folded address of everybody who shares a mailbox with a buyer of these orders. One query."""
    mailboxes = {mailbox for order in orders if (mailbox := address(order))}
    if not mailboxes:
        return {}
    rows = Customer.objects.annotate(letters=Letters("address")).filter(_at(mailboxes))
    likely = rows.filter(letters__in={letters(mailbox) for mailbox in mailboxes}).values_list("pk", "address")
    return {pk: mailbox for pk, text in likely if (mailbox := fold(text)) in mailboxes}


def knew_us(orders: Collection[Order], same: Mapping[int, str]) -> set[str]:
    """Return the references of those of these orders whose buyer had placed one that counts before. One query.

    ``same``: whose mailbox is whose, as ``of_one_mailbox`` returns it.
    """
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


def _at(mailboxes: Collection[str]) -> Q:
    """Return which addresses are at the domains of these mailboxes."""
    domains = {mailbox.rpartition("@")[2] for mailbox in mailboxes}
    found = Q(pk__in=[])
    for domain in domains | (set(GMAIL) if domains & set(GMAIL) else set()):
        found |= Q(address__endswith=f"@{domain}")
    return found
