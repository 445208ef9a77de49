"""Whether rewards can be reached: what the first one takes of the customer in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from fractions import Fraction
from math import ceil
from statistics import median

from django.db.models import Count, Sum

from loyalty.models import OrderAward, Rate, Reward
from retention.models import Order
from retention.money import to_minor

YEAR = timedelta(days=365)
LEAST = 30
"""Customers with an order that earned; the middle of fewer says little."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What one reward takes."""

    reward: Reward
    spend: tuple[tuple[str, int], ...]
    """Currency and how much has to be spent, minor units, by the rate alone."""
    orders: int | None
    """Orders that the customer in the middle needs; None: too few customers to say."""
    reached: int
    """Customers who have earned as much within the year."""


@dataclass(frozen=True, kw_only=True)
class Buyers:
    """Customers with an order within the year that earned points."""

    customers: int
    points_an_order: Fraction | None
    """Of the customer in the middle; None without any."""
    orders: int
    """Of the customer in the middle, within the year."""

    @property
    def tell(self) -> bool:
        return self.customers >= LEAST


def find(*, at: datetime, most: int = 5) -> tuple[Buyers, list[Reach]]:
    """Return who buys, and what the cheapest rewards take of them."""
    rows = _rows(at=at)
    earned = [points for points, _orders in rows]
    buyers = Buyers(
        customers=len(rows),
        points_an_order=median(Fraction(points, orders) for points, orders in rows) if rows else None,
        orders=int(median(orders for _points, orders in rows)) if rows else 0,
    )
    rates = list(Rate.objects.current().filter(programme__active=True).order_by("currency"))
    rewards = Reward.objects.on_offer(at=at).filter(cost__gt=0).order_by("cost", "pk")[:most]
    return buyers, [_reach(reward, buyers, earned, rates) for reward in rewards]


def _reach(reward: Reward, buyers: Buyers, earned: Iterable[int], rates: Sequence[Rate]) -> Reach:
    each = buyers.points_an_order
    return Reach(
        reward=reward,
        spend=tuple((rate.currency, _spend(reward.cost, rate)) for rate in rates),
        orders=ceil(reward.cost / each) if each and buyers.tell else None,
        reached=sum(points >= reward.cost for points in earned),
    )


def _spend(points: int, rate: Rate) -> int:
    """Return the least amount, minor units, that earns so many points."""
    unit = to_minor(Decimal(1), rate.currency)
    return int((points * unit / rate.points).quantize(Decimal(1), rounding=ROUND_UP))


def _rows(*, at: datetime) -> list[tuple[int, int]]:
    """Return points and orders of each customer. Points as earned: refunds say nothing of what buying takes."""
    placed = Order.objects.filter(placed_at__gte=at - YEAR, placed_at__lt=at).values("reference")
    awards = OrderAward.objects.filter(account__isnull=False, earned__gt=0, order__in=placed).order_by()
    sums = awards.values("account").annotate(points=Sum("earned"), orders=Count("pk"))
    return [(row["points"], row["orders"]) for row in sums]
