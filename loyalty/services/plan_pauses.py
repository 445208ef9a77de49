"""When plans of paid membership were off sale: what was ordered meanwhile brings nobody one, not even later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from loyalty.locks import hold
from loyalty.models import PaidTerm, Plan, PlanPause
from retention.models import Order, OrderLine


def switch(plan: Plan, *, was_active: bool | None, at: datetime) -> None:
    """Note since when a plan that was saved is off sale, or that it is on again. ``was_active``: None for a new one."""
    with transaction.atomic():
        hold(Plan.objects.filter(pk=plan.pk))
        open_one = PlanPause.objects.filter(plan=plan, ended_at=None)
        if plan.active:
            if not open_one.update(ended_at=at) and was_active is False:  # nobody noted when it was switched off
                PlanPause.objects.create(plan=plan, ended_at=at)
        elif not open_one.exists():
            PlanPause.objects.create(plan=plan, began_at=at if was_active else None)


def of(plans: Collection[int]) -> dict[int, list[PlanPause]]:
    """Return plan → the times when it was off. One query."""
    found: dict[int, list[PlanPause]] = defaultdict(list)
    for pause in PlanPause.objects.filter(plan__in=plans).order_by("pk"):
        found[pause.plan_id].append(pause)
    return found


def is_sold(plan: Plan, pauses: Iterable[PlanPause], order: Order) -> bool:
    """Whether an order can bring a plan: it was on sale when the order was placed.

    Orders from before going live are older than any pause: they go by whether it is on now.
    """
    pauses = list(pauses)
    if order.history:
        return plan.active
    noted = plan.active or any(pause.ended_at is None for pause in pauses)
    return noted and not any(pause.covers(order.placed_at) for pause in pauses)


def within(pauses: Iterable[PlanPause]) -> Q:
    """Match orders placed within one of these times, but for those from before going live."""
    found = Q(pk__in=[])
    for pause in pauses:
        began = Q(placed_at__gte=pause.began_at) if pause.began_at else Q()
        ended = Q(placed_at__lt=pause.ended_at) if pause.ended_at else Q()
        found |= Q(began, ended, history=False)
    return found


def missed(plan: Plan) -> QuerySet[Order]:
    """Return paid orders that count, bought a plan's product while it was off, and whose customer has nothing for it.

    Who was given a membership by hand since, or was paid back, is none of them.
    """
    if not plan.product:
        return Order.objects.none()
    since = PaidTerm.objects.filter(plan=plan, customer=OuterRef("customer"), made_at__gte=OuterRef("placed_at"))
    mine = PaidTerm.objects.filter(order=OuterRef("reference"), product=plan.product)
    bought = OrderLine.objects.filter(order=OuterRef("pk"), product=plan.product)
    rows = Order.objects.counted().filter(within(of([plan.pk])[plan.pk]), Exists(bought), paid_at__isnull=False)
    return rows.exclude(Exists(mine)).exclude(Exists(since)).order_by("placed_at", "pk")
