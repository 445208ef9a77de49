"""A coupon and those made in its place: what an order used of them, it used of what the first was given for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from campaigns.models import Coupon, Redemption
from loyalty.models import Claim


@dataclass(kw_only=True)
class Family:
    """The first coupon, its successors, and what was made of them."""

    coupons: list[Coupon] = field(default_factory=list)
    uses: list[Redemption] = field(default_factory=list)
    """By orders that have the discount, the first one first."""
    is_held: bool = False
    """By a basket at the checkout."""

    @property
    def is_in_use(self) -> bool:
        return self.is_held or bool(self.uses)


def of(firsts: Collection[int], *, lock: bool = False) -> dict[int, Family]:
    """Return coupon id → its family. ``lock``: nobody can use one of them until the transaction ends.

    Two queries, and two more for each new code for a code.
    """
    families = {pk: Family() for pk in firsts}
    first_of: dict[int, int] = {}
    rows = Coupon.objects.select_for_update(of=("self",)) if lock else Coupon.objects.all()
    generation = list(rows.filter(pk__in=list(firsts)).select_related("version").order_by("pk"))
    while generation:
        for coupon in generation:
            replaces = coupon.replaces_id
            first = coupon.pk if coupon.pk in families else first_of[replaces] if replaces is not None else coupon.pk
            first_of[coupon.pk] = first
            families[first].coupons.append(coupon)
        older = [coupon.pk for coupon in generation]
        generation = list(rows.filter(replaces__in=older).select_related("version").order_by("pk"))
    live = (Redemption.State.RESERVED, Redemption.State.COMMITTED)
    for use in Redemption.objects.filter(coupon__in=list(first_of), state__in=live).order_by("pk"):
        family = families[first_of[use.coupon_id]]
        if use.state == Redemption.State.RESERVED:
            family.is_held = True
        else:
            family.uses.append(use)
    return families


def members(families: Mapping[int, Family], claims: Iterable[Claim]) -> list[Coupon]:
    """Return every coupon of these claims."""
    return [coupon for one in claims if one.coupon_id is not None for coupon in families[one.coupon_id].coupons]
