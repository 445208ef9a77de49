"""Points of orders: what an order is worth now, what stands, and the difference between them.

An order's points are a function of its facts and of the terms it was awarded under, never of the order in
which the facts arrived. Whoever calls ``settle`` twice, late or out of turn gets the same sums.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from loyalty.locks import hold
from loyalty.models import OrderAward
from loyalty.services import programmes, replay
from loyalty.services.points import TooLarge
from loyalty.services.programmes import Running
from loyalty.services.settling import Settling
from retention.models import Customer, Order
from retention.rows import batch_size

log = logging.getLogger(__name__)


def settle(orders: Mapping[str, datetime]) -> int:
    """Bring the points of these orders to what they are worth. ``orders``: the shop's reference → the clock, UTC.

    Returns how many of them changed. The number of queries does not depend on the number of orders.
    """
    if not orders:
        return 0
    with transaction.atomic():
        running = programmes.running()
        replay.begin(running, at=max(orders.values()))
        orders = replay.widen(orders, running)
        _enter(orders, running)
        # Orders are read once the lock is held: who waited for it sees what the other has not seen.
        held = hold(OrderAward.objects.filter(order__in=list(orders)))
        return Settling(held, orders, running).run() if held else 0


def open_due(*, at: datetime, limit: int) -> int:
    """Open pending points whose window has closed. Returns how many orders' points opened."""
    due = OrderAward.objects.due(at=at).order_by("opens_at", "pk").values_list("order", flat=True)
    done = 0
    while done < limit:
        batch = list(due[: batch_size(limit - done)])
        opened = _settle_all_but_too_large(batch, at=at)
        done += opened
        if not opened:
            break
    return done


def settle_unrated(*, at: datetime, limit: int = 1000) -> int:
    """Settle orders again that earned nothing for want of a rate. Returns how many earn now."""
    waiting = OrderAward.objects.without_rate().order_by("pk").values_list("order", flat=True)
    running = programmes.running()
    if running is None:
        return 0
    currencies = {rate.currency for rate in running.rates}
    return _settle_all_but_too_large(list(waiting.filter(currency__in=currencies)[: batch_size(limit)]), at=at)


def settle_history(*, at: datetime, limit: int = 1000) -> int:
    """Award old orders that were there before the programme said that they earn. Returns how many were settled."""
    running = programmes.running()
    if running is None or not running.programme.award_history:
        return 0
    waiting = _to_earn(running).filter(history=True).order_by("customer", "placed_at", "pk")
    some = list(waiting.values_list("reference", flat=True)[: batch_size(limit)])
    _settle_all_but_too_large(some, at=at)
    return len(some) - waiting.filter(reference__in=some).count()


def _settle_all_but_too_large(orders: Sequence[str], *, at: datetime) -> int:
    """Settle orders as ``settle`` does; one that would earn more than any shop means keeps no other from it.

    It is told in the log, and tried again with the next round: a wrong rate or amount may be mended by then.
    """
    try:
        return settle(dict.fromkeys(orders, at))
    except TooLarge:
        if len(orders) == 1:
            log.error("order %s would earn more points than any shop means: look at its amount and rate", orders[0])
            return 0
    half = len(orders) // 2
    return sum(_settle_all_but_too_large(part, at=at) for part in (orders[:half], orders[half:]))


def _enter(orders: Mapping[str, datetime], running: Running | None) -> None:
    """Make a row for each order that begins to earn."""
    if running is None:
        return
    earning = _to_earn(running).filter(reference__in=list(orders))
    # by reference: two batches with orders in common insert them in one order and do not wait for each other
    rows = earning.order_by("reference").values_list("reference", "currency")
    OrderAward.objects.bulk_create(
        [OrderAward(order=reference, currency=currency, settled_at=orders[reference]) for reference, currency in rows],
        ignore_conflicts=True,
    )


def _to_earn(running: Running) -> QuerySet[Order]:
    """Return orders that earn by the programme and have no award yet."""
    earning = (
        Order.objects.filter(paid_at__isnull=False, cancelled_at=None)
        .exclude(customer__kind=Customer.Kind.GUEST)
        .exclude(Exists(OrderAward.objects.filter(order=OuterRef("reference"))))
    )
    if running.programme.award_history:
        return earning
    return earning.filter(history=False, placed_at__gte=running.begins)
