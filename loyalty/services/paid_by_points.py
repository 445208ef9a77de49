"""How much of an order's goods points paid for: what coupons that were bought with points took off them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db.models import Q, QuerySet

from campaigns.models import Coupon
from campaigns.terms import Kind
from retention.models import OrderCoupon
from retention.money import to_minor
from retention.shop import CouponUse


def of_orders(references: Collection[str]) -> dict[str, int]:
    """Return the shop's reference → minor units, for orders of the projection: one query."""
    uses = OrderCoupon.objects.filter(order__reference__in=references, code__in=_bought().values("code"))
    found: dict[str, int] = defaultdict(int)
    for reference, minor in uses.values_list("order__reference", "discount_minor"):
        found[reference] += minor
    return found


def of_uses(uses: Iterable[CouponUse], currency: str) -> int:
    """Return minor units of an order or a basket, by the coupons that the shop says are in it; asks only for codes."""
    taken = {use.code: use.discount for use in uses}
    if not taken:
        return 0
    bought = _bought().filter(code__in=taken)
    return sum(to_minor(taken[code], currency) for code in bought.values_list("code", flat=True))


def _bought() -> QuerySet[Coupon]:
    """Return coupons that a reward gave, and those made in their place, twice at most; shipping never earns."""
    mine = Q(claim__isnull=False) | Q(replaces__claim__isnull=False) | Q(replaces__replaces__claim__isnull=False)
    return Coupon.objects.filter(mine).exclude(offer__kind=Kind.FREE_SHIPPING)
