"""What an order would earn, before or without a ledger: for promises on pages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from loyalty.models import OrderAward
from loyalty.services import earning, programmes
from loyalty.services.earning import State
from retention.models import Order
from retention.money import to_minor
from retention.shop import OrderData


def for_order(order: OrderData) -> int:
    """Return the points that an order earns its owner once it is paid; 0 where nothing earns."""
    state = State(
        basis_minor=to_minor(order.items, order.currency),
        total_minor=to_minor(order.total, order.currency),
        refunds_minor=tuple(to_minor(refund.amount, order.currency) for refund in order.refunds),
        earns=order.cancelled_at is None,
    )
    return _points(state, order.currency, placed_at=order.placed_at)


def for_amount(amount: Decimal, currency: str, *, at: datetime) -> int:
    """Return the points that goods of this amount earn, ``amount`` in units of the currency."""
    minor = to_minor(amount, currency)
    return _points(State(basis_minor=minor, total_minor=minor), currency, placed_at=at)


def for_reference(reference: str) -> int:
    """Return the points of an order that the shop calls by ``reference``: those that stand, else those promised."""
    award = OrderAward.objects.filter(order=reference, account__isnull=False).first()
    if award is not None:
        return award.pending + award.balance
    order = Order.objects.filter(reference=reference).first()
    if order is None:
        return 0
    state = State(
        basis_minor=order.items_minor,
        total_minor=order.total_minor,
        refunds_minor=(order.refunded_minor,),
        earns=order.cancelled_at is None,
    )
    return _points(state, order.currency, placed_at=order.placed_at)


def _points(state: State, currency: str, *, placed_at: datetime) -> int:
    running = programmes.running()
    terms = running.terms(currency, placed_at=placed_at) if running else None
    return earning.left(state, terms) if terms else 0
