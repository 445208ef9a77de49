"""What orders give to causes: the sum that should stand of each order, and bringing it to that.

An order's contribution is a function of the order as the shop says now and of the pledge of the day it was placed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction

from campaigns.validity import zone
from loyalty.locks import hold
from loyalty.models import Contribution, Pledge
from loyalty.services import goods_back
from loyalty.services.goods_back import Back
from retention.models import Customer, Order

WRITTEN = ["pledge", "customer", "currency", "amount_minor", "month", "settled_at"]


def amount(pledge: Pledge, order: Order, back: Back) -> int:
    """Return what an order gives by a pledge, minor units, rounded down; 0 for one that does not count.

    An amount is given whole while the order counts; a share is that of the goods after discounts, less what of
    them went back.
    """
    if order.paid_at is None or not order.counts or order.history:
        return 0
    if pledge.amount_minor is not None:
        return pledge.amount_minor
    assert pledge.percent is not None
    return int(max(0, back.left_minor) * pledge.percent / 100)


def settle(references: Collection[str], *, at: datetime) -> int:
    """Bring what these orders give to what they should. Returns how many contributions changed.

    The number of queries does not depend on the number of orders.
    """
    pledges = list(Pledge.objects.select_related("cause").order_by("cause", "starts_at", "pk")) if references else []
    if not pledges:
        return 0
    with transaction.atomic():
        _enter(references, pledges, at=at)
        # orders are read once the rows are held: who waited for them sees what the other has not seen
        held = hold(Contribution.objects.filter(order__in=references))
        orders = {order.reference: order for order in Order.objects.filter(reference__in=[row.order for row in held])}
        backs = goods_back.of(orders.values())
        changed = [
            row
            for row in held
            if (order := orders.get(row.order)) and _bring(row, order, backs[order.pk], pledges, at=at)
        ]
        Contribution.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
    return len(changed)


def month_of(placed_at: datetime) -> date:
    """Return the first day of a month of the shop's own calendar."""
    return placed_at.astimezone(zone()).date().replace(day=1)


def of_order(reference: str) -> list[tuple[Contribution, str]]:
    """Return what an order gives, with the names of the causes."""
    rows = Contribution.objects.filter(order=reference, amount_minor__gt=0).select_related("cause").order_by("pk")
    return [(row, row.cause.name) for row in rows]


def promised(*, currency: str, items_minor: int, placed_at: datetime) -> list[tuple[Pledge, int]]:
    """Return what an order like this gives, before we have read it: for the thank-you page."""
    order = Order(
        currency=currency, items_minor=items_minor, total_minor=items_minor, placed_at=placed_at, paid_at=placed_at
    )
    pledges = Pledge.objects.in_force(at=placed_at).filter(currency=currency).select_related("cause").order_by("cause")
    whole = Back(goods_minor=items_minor)
    return [(pledge, minor) for pledge in pledges if (minor := amount(pledge, order, whole))]


def by_customer(customer: Customer) -> dict[int, dict[str, int]]:
    """Return cause → currency → what a customer's orders give, minor units."""
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = Contribution.objects.filter(customer=customer, amount_minor__gt=0)
    for cause, currency, minor in rows.values_list("cause", "currency", "amount_minor"):
        sums[cause][currency] += minor
    return sums


def _enter(references: Collection[str], pledges: Sequence[Pledge], *, at: datetime) -> None:
    """Make a row for each order and cause that it gives to; in one order, so that two batches do not wait crosswise."""
    there = set(Contribution.objects.filter(order__in=references).values_list("order", "cause"))
    orders = Order.objects.filter(reference__in=references, paid_at__isnull=False, history=False)
    found = list(orders.order_by("reference"))
    backs = goods_back.of(found)
    Contribution.objects.bulk_create(
        [
            Contribution(
                cause_id=cause, pledge=pledge, order=order.reference, customer_id=order.customer_id,
                currency=order.currency, month=month_of(order.placed_at), settled_at=at,
            )
            for order in found
            for cause, pledge in sorted(_pledges(order, pledges).items())
            if (order.reference, cause) not in there and amount(pledge, order, backs[order.pk])
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _pledges(order: Order, pledges: Sequence[Pledge]) -> dict[int, Pledge]:
    """Return cause → the pledge in force for an order's currency when it was placed."""
    return {
        pledge.cause_id: pledge
        for pledge in pledges
        if pledge.currency == order.currency
        and pledge.starts_at <= order.placed_at
        and (pledge.ends_at is None or order.placed_at < pledge.ends_at)
    }


def _bring(row: Contribution, order: Order, back: Back, pledges: Sequence[Pledge], *, at: datetime) -> bool:
    pledge = _pledges(order, pledges).get(row.cause_id)
    if pledge is None:  # its currency is another now, and nothing was promised in that
        new = (row.pledge_id, order.customer_id, row.currency, 0, month_of(order.placed_at))
    else:
        minor = amount(pledge, order, back)
        new = (pledge.pk, order.customer_id, order.currency, minor, month_of(order.placed_at))
    if new == (row.pledge_id, row.customer_id, row.currency, row.amount_minor, row.month):
        return False
    row.pledge_id, row.customer_id, row.currency, row.amount_minor, row.month = new
    row.settled_at = at
    return True
