"""What a new code is worth: as much as is left of the promise of the one that it was made for.

A use of the old code that falls back, from a basket or a cancelled order, comes to the new one; a use that the old code
has once more, since its order was taken up again, is taken from it. So both together are used as often as was promised:
what the old has used and what the new may use add up to what the old might use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from campaigns.models import Coupon
from campaigns.services import coupons, engine

TAKEN_UP = "the order that used the old code was taken up again"
"""Why a new code was called off; the only ones that are good again when a use of the old one falls back."""


def level(changed: Collection[int], *, at: datetime) -> None:
    """Bring the heirs of these coupons, and those of these that are heirs, to what is left for them.

    Call it in the transaction in which their uses changed. What an heir has used already stays: that is one use too
    many, and ``overdrawn`` finds it. One that nothing is left for is called off.
    """
    while changed:
        heirs = Coupon.objects.filter(Q(replaces__in=changed) | Q(pk__in=changed), replaces__max_uses__isnull=False)
        uneven = heirs.annotate(due=_due()).exclude(max_uses=F("due"))
        changed = list(uneven.order_by("pk").values_list("pk", flat=True))
        if changed:
            rows = Coupon.objects.filter(pk__in=changed)
            rows.update(max_uses=_due())
            coupons.void(rows.filter(max_uses=0), reason=TAKEN_UP, at=at)
            worth = rows.filter(Q(customer=None) | Q(customer__erased_at=None), max_uses__gt=0, expires_at__gt=at)
            _take_up(worth.filter(state=Coupon.State.VOID, void_reason=TAKEN_UP))


def _due() -> Greatest:
    left = Coupon.objects.filter(pk=OuterRef("replaces")).values_list(F("max_uses") - F("used"))
    return Greatest(F("used"), Subquery(left), output_field=IntegerField())


def _take_up(rows: QuerySet[Coupon]) -> None:
    """Let codes be good again, here and in the shop."""
    ends: dict[datetime, list[str]] = defaultdict(list)
    for code, expires_at in rows.values_list("code", "expires_at"):
        ends[expires_at].append(code)
    rows.update(state=Coupon.State.ISSUED, void_reason="", voided_at=None)
    for ends_at, codes in ends.items():
        engine.current().extend(codes, ends_at=ends_at)


def overdrawn() -> QuerySet[Coupon]:
    """Return the heirs that were used though the old code had used what was promised."""
    return Coupon.objects.filter(replaces__used__gt=F("replaces__max_uses") - F("used"), used__gt=0)
