"""A new code for an old one: when a code was lost or leaked, or when the host cannot give a use back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from campaigns.models import Coupon
from campaigns.services import coupons
from campaigns.services.coupons import Wish


class NothingLeft(Exception):
    """The coupon has no use left, or is over: there is nothing to put into a new code."""


def replace(old: Collection[Coupon], *, source: str, at: datetime) -> dict[int, Coupon]:
    """Call coupons off and give their owners new codes with the same terms, last day and uses left.

    A use that a basket holds stays with the old code; should it fall back, it comes to the new one (``heirs``).
    ``source`` says why, e.g. ``returned``. Returns id of the old coupon → the new one; those that are void, used up or
    expired are left out. The same coupon again returns the same new one. A constant number of queries
    an offer and batch.
    """
    made: dict[int, Coupon] = {}
    with transaction.atomic():
        locked = Coupon.objects.select_for_update().filter(pk__in=[coupon.pk for coupon in old]).order_by("pk")
        alike: dict[tuple[int, int | None], list[Coupon]] = defaultdict(list)
        for coupon in list(locked):
            alike[coupon.offer_id, coupon.batch_id].append(coupon)
        for group in alike.values():
            known = {row.replaces_id: row for row in Coupon.objects.filter(replaces__in=group)}
            good = [coupon for coupon in group if coupon.pk not in known and _left(coupon, at=at)]
            issued = coupons.issue_many(
                [
                    Wish(
                        key=f"instead:{coupon.pk}",
                        customer=coupon.customer_id,
                        order=coupon.order,
                        cap=_left(coupon, at=at),
                        replaces=coupon,
                    )
                    for coupon in good
                ],
                offer=group[0].offer,
                source=source,
                at=at,
                batch=group[0].batch,
            )
            coupons.void(good, reason=source, at=at)
            made |= {pk: row for pk, row in known.items() if pk is not None}
            made |= {coupon.replaces_id: coupon for coupon in issued.coupons.values() if coupon.replaces_id is not None}
    return made


def reissue(coupon: Coupon, *, source: str, at: datetime) -> Coupon:
    """Call one coupon off and return its new code. Raises NothingLeft."""
    found = replace([coupon], source=source, at=at).get(coupon.pk)
    if found is None:
        raise NothingLeft
    return found


def _left(coupon: Coupon, *, at: datetime) -> int:
    """Return how many uses a coupon has left; 0 for one that is over."""
    if coupon.state != Coupon.State.ISSUED or coupon.expires_at <= at:
        return 0
    return max((coupon.max_uses or coupon.used + 1) - coupon.used, 0)
