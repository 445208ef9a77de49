"""Refunds: Oscar writes them as payment events, as transactions, or as both at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from retention.conf import conf
from retention.shop import RefundData


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One row that says that money went back."""

    reference: str
    amount: Decimal
    at: datetime
    gateway: str
    """The payment provider's reference, often empty."""
    lines: tuple[tuple[str, Decimal], ...] = ()


def is_refund(name: str) -> bool:
    """Whether a payment event or transaction of this type is a refund, letter case aside."""
    return name.lower() in {known.lower() for known in conf.REFUND_EVENTS}


def merge(events: Iterable[Entry], transactions: Iterable[Entry]) -> tuple[RefundData, ...]:
    """Return each refund once, oldest first.

    A shop that calls its provider usually writes a transaction and a payment event for the same money: the same
    amount with the same reference, or with one of the references missing, is one refund. Counted as two, it would
    take a customer's points back twice.
    """
    rest = list(transactions)
    found = []
    for event in events:
        same = [entry for entry in rest if entry.amount == event.amount]
        twin = next((entry for entry in same if entry.gateway == event.gateway), None) or next(
            (entry for entry in same if not (entry.gateway and event.gateway)), None
        )
        if twin:
            rest.remove(twin)
        found.append(event)
    found += rest
    return tuple(
        RefundData(reference=entry.reference, amount=entry.amount, at=entry.at, lines=entry.lines)
        for entry in sorted(found, key=lambda entry: (entry.at, entry.reference))
    )
