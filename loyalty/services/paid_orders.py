"""What an order has bought of paid memberships, and what of it stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from loyalty.models import PaidTerm, Plan
from loyalty.services import goods_back, plan_pauses
from retention.models import Customer, Order, OrderLine


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """Pieces of one plan in one order. Money in minor units."""

    order: Order
    plan: Plan
    product: str
    pieces: int
    units: int
    """Those that stand: paid for, not called off, not refunded."""
    paid_minor: int
    """For those that stand."""
    sold: bool = True
    """Whether its plan was on sale when it was ordered."""

    @property
    def key(self) -> str:
        return f"order:{self.order.reference}:{self.plan.pk}"

    @property
    def counts(self) -> bool:
        """Whether it may become a term at all."""
        return self.sold and self.order.paid_at is not None and (not self.order.history or self.plan.count_history)

    @property
    def is_members(self) -> bool:
        return self.order.customer.kind != Customer.Kind.GUEST

    def ready_at(self) -> datetime:
        """Return from when on it may start: paid for, and no earlier than the member has an account."""
        paid_at = self.order.paid_at
        assert paid_at is not None  # of ``counts``
        return max(paid_at, self.order.customer.joined_at or paid_at)


def of(orders: Collection[str]) -> list[Bought]:
    """Return what these orders have bought, by the shop's references, as long as a line is there. Seven queries.

    What has become a term stays one of its plan, whatever product that is sold by now.
    """
    plans = {plan.product: plan for plan in Plan.objects.exclude(product="")}
    terms = PaidTerm.objects.filter(order__in=orders).exclude(product="").select_related("plan")
    held = {(term.order, term.product): term.plan for term in terms}
    products = {*plans, *(product for _, product in held)}
    if not products:
        return []
    lines = list(OrderLine.objects.filter(order__reference__in=orders, product__in=products).order_by("pk"))
    if not lines:
        return []
    found = Order.objects.filter(pk__in={line.order_id for line in lines}).select_related("customer")
    rows = {order.pk: order for order in found}
    backs, pauses = goods_back.of(rows.values()), plan_pauses.of([plan.pk for plan in plans.values()])
    grouped: dict[tuple[int, str], list[OrderLine]] = defaultdict(list)
    for line in lines:
        grouped[line.order_id, line.product].append(line)
    bought = []
    for (pk, product), some in grouped.items():
        order = rows[pk]
        plan = held.get((order.reference, product)) or plans.get(product)
        if plan is None:
            continue
        pieces, amount = sum(line.quantity for line in some), sum(line.amount_minor for line in some)
        left = backs[pk].left_of(some)
        # what a refund names no line for is the membership's only once all else has gone back
        unnamed = max(0, backs[pk].of_goods(left) - max(0, backs[pk].goods_minor - left))
        units = _left(order, pieces, amount=amount, refunded=amount - left, unnamed=unnamed)
        paid = amount * units // pieces if pieces else 0
        sold = plan_pauses.is_sold(plan, pauses[plan.pk], order)
        bought.append(
            Bought(
                order=order, plan=plan, product=product, pieces=pieces, units=units, paid_minor=paid, sold=sold
            )
        )  # fmt: skip
    return bought


def _left(order: Order, pieces: int, *, amount: int, refunded: int, unnamed: int) -> int:
    """Return how many pieces stand. A piece is taken out when its whole price went back, rounded down."""
    if order.paid_at is None or not order.counts:
        return 0
    return max(0, pieces - _pieces(refunded + unnamed, pieces, amount))


def _pieces(refunded: int, pieces: int, amount: int) -> int:
    """Return how many of the pieces, which cost an amount together, went back; a shop rounds the price of each."""
    if not pieces or not amount:
        return 0
    price = amount // pieces
    return refunded // price if price else pieces * refunded // amount
