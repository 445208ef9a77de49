"""What orders of the projection were, in money and goods, for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from loyalty.services import goods, paid_by_points
from loyalty.services.goods import Sale
from retention.models import Order, OrderLine


def of(orders: Mapping[str, Order], *, by_line: bool) -> dict[str, Sale]:
    """Return order → its money and, ``by_line``, its goods. One query, or two."""
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    for line in OrderLine.objects.filter(order__in=orders.values()).order_by("pk") if by_line else ():
        lines[line.order_id].append(line)
    by_points = paid_by_points.of_orders(list(orders))
    return {
        reference: goods.sale_of_row(order, lines[order.pk], points_minor=by_points.get(reference, 0))
        for reference, order in orders.items()
    }
