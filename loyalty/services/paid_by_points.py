"""How much of an order points paid for: what coupons that were bought with points took off it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from loyalty.models import Claim
from retention.models import OrderCoupon
from retention.money import to_minor
from retention.shop import CouponUse


def of_orders(references: Collection[str]) -> dict[str, int]:
    """Return the shop's reference → minor units, for orders of the projection: one query."""
    bought = Claim.objects.filter(worth_minor__isnull=False, coupon__isnull=False).values("coupon__code")
    uses = OrderCoupon.objects.filter(order__reference__in=references, code__in=bought)
    found: dict[str, int] = defaultdict(int)
    for reference, minor in uses.values_list("order__reference", "discount_minor"):
        found[reference] += minor
    return found


def of_uses(uses: Iterable[CouponUse], currency: str) -> int:
    """Return minor units of an order or a basket, by the coupons that the shop says are in it; asks only for codes."""
    taken = {use.code: use.discount for use in uses}
    if not taken:
        return 0
    bought = Claim.objects.filter(worth_minor__isnull=False, coupon__code__in=taken)
    return sum(to_minor(taken[code], currency) for code in bought.values_list("coupon__code", flat=True))
