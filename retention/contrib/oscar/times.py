"""When an order was paid, fulfilled, delivered and cancelled, from the merchant's statuses and payment events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from retention.conf import conf

TIMES = ("paid", "fulfilled", "delivered", "cancelled")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A row of the order's status history."""

    old: str
    new: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """A payment event or a transaction, by the name of its type."""

    name: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    known: dict[str, datetime]
    """``paid_at`` and so on → when."""
    reached: frozenset[str]
    """Those that hold and whose time nobody wrote down."""


def read(*, status: str, placed_at: datetime, changes: Sequence[Change], payments: Sequence[Payment]) -> Times:
    """Return an order's times. ``changes`` and ``payments`` are oldest first."""
    known: dict[str, datetime] = {}
    reached: set[str] = set()
    first = changes[0].old if changes else status
    for name in TIMES:
        statuses = {host for host, meaning in conf.STATUS_TIMES.items() if meaning == name}
        if name == "cancelled" and status not in statuses:
            continue  # cancelled is a state: an order that was taken up again is not
        moments = [change.at for change in changes if change.new in statuses]
        if first in statuses and (changes or first == _initial()):
            moments.insert(0, placed_at)
        if name == "paid":
            moments += [payment.at for payment in payments if payment.name in conf.PAID_EVENTS]
        if moments:
            known[f"{name}_at"] = moments[-1] if name == "cancelled" else min(moments)
        elif status in statuses:
            reached.add(name)  # edited without history, as Django admin does
    if not says_paid():
        known["paid_at"] = placed_at
    return Times(known=known, reached=frozenset(reached))


def says_paid() -> bool:
    """Whether the shop has any way to say that an order is paid; else placed counts as paid."""
    return bool(conf.PAID_EVENTS) or "paid" in conf.STATUS_TIMES.values()


def _initial() -> str:
    return getattr(settings, "OSCAR_INITIAL_ORDER_STATUS", "")


def final_statuses() -> Collection[str]:
    """Return the statuses after which nothing is expected: as set, else those that the pipeline ends in."""
    pipeline = getattr(settings, "OSCAR_ORDER_STATUS_PIPELINE", {})
    return conf.FINAL_STATUSES or [status for status, after in pipeline.items() if not after]
