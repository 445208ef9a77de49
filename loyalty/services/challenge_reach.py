"""How many customers would have done what a challenge asks, in a window like its own that ends now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from loyalty.models import Challenge
from loyalty.models.challenge import Goal
from loyalty.services import challenges
from loyalty.services.goals import Asked, Bought
from retention.models import Customer, Order, OrderLine

AT_ONCE = 5000
"""Lines read at once where categories are asked for: they are lists, and not every database looks into one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Who would have done it."""

    done: int
    customers: int
    """Everybody with an account."""
    days: int
    """How long the window was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """What to count, read from a challenge's rows."""

    asked: Asked
    window: timedelta


def sought(challenge: Challenge) -> Sought:
    """Return what to count for a challenge."""
    return Sought(asked=challenges.asked(challenge), window=_window(challenge))


def reach(challenge: Challenge, *, at: datetime) -> Reach:
    """Return how many would have done it, as ``count`` does."""
    return count(sought(challenge), at=at)


def count(sought: Sought, *, at: datetime) -> Reach:
    """Count over past orders, in SQL; only where categories are asked for, their lines are read one after another.

    That may be a year's lines of the whole shop: call it in no transaction.
    """
    asked, window = sought.asked, sought.window
    people = Customer.objects.living().filter(erased_at=None).exclude(kind=Customer.Kind.GUEST)
    orders = Order.objects.counted().filter(
        customer__in=people.order_by().values("pk"), paid_at__isnull=False, placed_at__gte=at - window, placed_at__lt=at
    )
    done = _by_lines(orders, asked) if asked.categories else _in_sql(orders, asked)
    return Reach(done=done, customers=people.count(), days=max(1, window.days))


def overlapping(challenge: Challenge) -> QuerySet[Challenge]:
    """Return other active challenges that run at the same time: one order counts for all of them."""
    others = Challenge.objects.filter(active=True).exclude(pk=challenge.pk)
    if challenge.ends_at is not None:
        others = others.filter(starts_at__lt=challenge.ends_at)
    return others.filter(Q(ends_at=None) | Q(ends_at__gt=challenge.starts_at)).order_by("starts_at", "pk")


def _window(challenge: Challenge) -> timedelta:
    if challenge.days:
        return timedelta(days=challenge.days)
    assert challenge.ends_at is not None
    return challenge.ends_at - challenge.starts_at


def _in_sql(orders: QuerySet[Order], asked: Asked) -> int:
    if asked.products:
        orders = orders.filter(lines__product__in=asked.products)
    if asked.goal == Goal.ORDERS:
        reached: Any = Count("pk", distinct=True)
    elif asked.goal == Goal.PRODUCTS:
        reached = Count("lines__product", distinct=True)
    else:
        orders = orders.filter(currency=asked.currency)
        # it is an estimate for staff: what refunds name is not told apart here, and shipping goes back first
        goods_back = Greatest(0, F("refunded_minor") - F("shipping_minor"))
        reached = Sum("lines__amount_minor") if asked.products else Sum(F("items_minor") - goods_back)
    counts = orders.order_by().values("customer").annotate(reached=reached)
    return counts.filter(reached__gte=asked.target).count()


def _by_lines(orders: QuerySet[Order], asked: Asked) -> int:
    reached: dict[int, set[Any]] = defaultdict(set)
    sums: dict[int, int] = defaultdict(int)
    for customer, order, currency, line in _lines(orders):
        if not asked.takes(line):
            continue
        reached[customer].add(line.product if asked.goal == Goal.PRODUCTS else order)
        if currency == asked.currency:
            sums[customer] += line.amount_minor
    if asked.goal == Goal.AMOUNT:
        return sum(total >= asked.target for total in sums.values())
    return sum(len(things) >= asked.target for things in reached.values())


def _lines(orders: QuerySet[Order]) -> Iterator[tuple[int, int, str, Bought]]:
    rows = OrderLine.objects.filter(order__in=orders.order_by().values("pk"))
    columns = ("order__customer", "order", "order__currency", "product", "categories", "amount_minor")
    for customer, order, currency, product, categories, minor in rows.values_list(*columns).iterator(AT_ONCE):
        yield customer, order, currency, Bought(product=product, categories=tuple(categories), amount_minor=minor)
