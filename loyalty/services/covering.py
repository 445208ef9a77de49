"""Whether the points that were set aside for a coupon are there still: an order that earned them may have gone back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from campaigns.models import Coupon
from loyalty.models import Claim


def gone(coupons: Sequence[Coupon], at: datetime) -> Collection[int]:
    """Return the ids of these coupons that an account does not cover any more; its older claims come first. One query.

    It changes nothing and takes no lock: it is asked while an order is being placed, and the tick releases the claims.
    """
    asked = {coupon.pk for coupon in coupons}
    short = Claim.objects.filter(state=Claim.State.RESERVED, account__uncovered__gt=0)
    beside = short.filter(account__in=Claim.objects.filter(coupon__in=asked).values("account")).order_by("pk")
    wanted: Counter[int] = Counter()
    found = set()
    for account, balance, points, coupon in beside.values_list("account", "account__balance", "points", "coupon"):
        wanted[account] += points
        if coupon in asked and wanted[account] > balance:
            found.add(coupon)
    return found
