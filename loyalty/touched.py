"""Whom a batch of facts about orders is about."""

from __future__ import annotations

from collections.abc import Sequence

from retention.facts import (
    OrderCancelled,
    OrderChanged,
    OrderChangedHands,
    OrderPaid,
    OrderRefunded,
    OrderReinstated,
)
from retention.models import Order
from retention.registry import Recorded

ORDERS = (OrderPaid, OrderCancelled, OrderReinstated, OrderRefunded, OrderChanged, OrderChangedHands)
"""What can make an order count, or count no more."""


def people(batch: Sequence[Recorded]) -> set[int]:
    """Return the customers named, and those who have the orders now: one query. History is not news."""
    customers: set[int | None] = set()
    for recorded in batch:
        if not getattr(recorded.data, "history", False):
            customers |= {recorded.data.customer, getattr(recorded.data, "old_customer", None)}
    owners = Order.objects.filter(reference__in=references(batch)).values_list("customer", flat=True)
    return {customer for customer in {*customers, *owners} if customer is not None}


def references(batch: Sequence[Recorded]) -> set[str]:
    """Return the orders named, but for old ones."""
    return {
        str(order)
        for recorded in batch
        if (order := getattr(recorded.data, "order", "")) and not getattr(recorded.data, "history", False)
    }
