"""Coupons that somebody has for as long as something holds, and that the shop puts into their basket by itself."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Count, QuerySet
from django.http import HttpRequest

from campaigns.models import Coupon, Offer
from campaigns.services import coupons
from campaigns.services.coupons import Wish
from retention import registry
from retention.locks import one_at_a_time
from retention.rows import batch_size

log = logging.getLogger(__name__)

SOURCE = "standing:"
"""What the source of each such coupon begins with; the reason follows, e.g. ``standing:tier``."""

AT_ONCE = 1000


def settle(reason: str, wanted: Mapping[int, int], *, at: datetime, customers: Collection[int] | None = None) -> int:
    """Bring the coupons of one reason to what should stand: customer id → the offer that theirs is of.

    ``customers``: whom this is about; None: everybody. Who should have one and has none that can be used gets one, who
    should have none or another loses it: orders that used it keep what it gave. Returns how many coupons changed.
    """
    source = f"{SOURCE}{reason}"
    have = defaultdict(set)
    for customer, offer in _standing(source, customers, at=at).values_list("customer", "offer"):
        have[customer].add(offer)
    about = have.keys() | (wanted.keys() if customers is None else wanted.keys() & set(customers))
    differ = sorted(one for one in about if have.get(one, set()) != ({wanted[one]} if one in wanted else set()))
    changed = 0
    for some in _parts(differ, batch_size(AT_ONCE)):
        with one_at_a_time(f"loyalty.{source}", wait=True):
            changed += _settle(source, {one: wanted[one] for one in some if one in wanted}, some, at=at)
    return changed


def _parts(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _standing(source: str, customers: Collection[int] | None, *, at: datetime) -> QuerySet[Coupon]:
    rows = Coupon.objects.outstanding(at=at).filter(source=source, customer__isnull=False)
    return rows if customers is None else rows.filter(customer__in=customers)


def _settle(source: str, wanted: Mapping[int, int], customers: Collection[int], *, at: datetime) -> int:
    missing, extra = dict(wanted), []
    # read again: whoever held the lock before may have done this
    for coupon in _standing(source, customers, at=at).order_by("pk"):
        owner = coupon.customer_id
        if owner is not None and missing.get(owner) == coupon.offer_id:
            del missing[owner]
        else:
            extra.append(coupon)
    changed = coupons.void(extra, reason=source, at=at) if extra else 0
    return changed + _issue(source, missing, at=at)


def _issue(source: str, wanted: Mapping[int, int], *, at: datetime) -> int:
    if not wanted:
        return 0
    had = Coupon.objects.filter(source=source, customer__in=wanted).order_by().values_list("customer", "offer")
    numbers = {(customer, offer): count for customer, offer, count in had.annotate(count=Count("pk"))}
    people = defaultdict(list)
    for customer, offer in wanted.items():
        people[offer].append(customer)
    made = 0
    for giving in Offer.objects.filter(pk__in=people).order_by("pk"):
        wishes = [
            # the number in the key: what ran out is followed by another, and two that look at once make one
            Wish(key=f"{source}:{one}:{giving.pk}:{numbers.get((one, giving.pk), 0) + 1}", customer=one)
            for one in people[giving.pk]
        ]
        issued = coupons.issue_many(wishes, offer=giving, source=source, at=at)
        made += len(issued.coupons)
        if issued.refused:
            log.warning("%s: %d people get no coupon of offer %d", source, len(issued.refused), giving.pk)
    return made


def codes(request: HttpRequest, at: datetime) -> list[str]:
    """Return the codes that the shop puts into this visitor's basket by itself; none for who is not signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    rows = Coupon.objects.redeemable(at=at).filter(customer__user=user.pk, source__startswith=SOURCE)
    return list(rows.order_by("pk").values_list("code", flat=True))


def load() -> None:
    """Let the shop ask for the codes."""
    registry.standing_codes.add("loyalty", codes)
