"""What loyalty does with the facts of the ground."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from campaigns.facts import CouponRedeemed, CouponReturned
from loyalty.services import awards, spent_by_orders, tiers
from retention.facts import (
    AccountOpened,
    OrderCancelled,
    OrderChanged,
    OrderChangedHands,
    OrderFulfilled,
    OrderPaid,
    OrderRefunded,
    OrderReinstated,
)
from retention.registry import Recorded, subscribe

ORDERS = (
    OrderPaid,
    OrderFulfilled,
    OrderCancelled,
    OrderReinstated,
    OrderRefunded,
    OrderChanged,
    OrderChangedHands,
)


def settle_points(batch: Sequence[Recorded]) -> None:
    """Bring the points of every order named in the batch to what the order is worth now."""
    clock: dict[str, datetime] = {}
    for recorded in batch:
        fact = recorded.data
        assert isinstance(fact, ORDERS)
        clock[fact.order] = max(fact.at, clock.get(fact.order, fact.at))
    awards.settle(clock)


def place_in_tiers(batch: Sequence[Recorded]) -> None:
    """Bring everybody named in the batch into the tier that their spend reaches.

    Old orders are left to the nightly tick, which sees all of them at once.
    """
    touched: set[int] = set()
    latest: list[datetime] = []
    for recorded in batch:
        fact = recorded.data
        if getattr(fact, "history", False):
            continue
        touched |= {customer for customer in (fact.customer, getattr(fact, "old_customer", None)) if customer}
        latest.append(fact.at)
    if latest:
        tiers.recompute(customers=touched, at=max(latest))


def settle_claims(batch: Sequence[Recorded]) -> None:
    """Bring the points of claimed rewards to what orders have used of them."""
    orders: set[str] = set()
    used: set[int] = set()
    for recorded in batch:
        fact = recorded.data
        if isinstance(fact, CouponRedeemed | CouponReturned):
            used.add(fact.coupon)
        else:
            orders.add(fact.order)  # type: ignore[attr-defined]  # every other fact below has one
    spent_by_orders.settle(orders=orders, of_coupons=used, at=max(recorded.data.at for recorded in batch))


def load() -> None:
    """Subscribe to the ground's facts."""
    subscribe(
        "loyalty.points",
        *ORDERS,
        does=_("posts the difference between what an order's points are worth and what stands"),
        handle=settle_points,
    )
    subscribe(
        "loyalty.tiers",
        *ORDERS,
        AccountOpened,
        does=_("moves customers into the tier that their net spend reaches"),
        handle=place_in_tiers,
    )
    subscribe(
        "loyalty.claims",
        CouponRedeemed,
        CouponReturned,
        OrderRefunded,
        OrderChanged,
        does=_(
            "spends the points of rewards that orders have used, and gives back those of orders that are called off"
        ),
        handle=settle_claims,
    )
