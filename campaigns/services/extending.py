"""Another last day for coupons that are out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Q

from campaigns import validity
from campaigns.models import Coupon
from campaigns.services import engine
from retention.rows import batch_size

BATCH = 1000
LATEST = date(2999, 12, 31)


class Past(Exception):
    """The new last day is over already: to end a coupon now, call it off."""


class TooFar(Exception):
    """The new last day is so far away that it must be a slip."""


def extend(coupons: Iterable[Coupon], *, until: date, at: datetime) -> int:
    """Let coupons be good to the end of ``until``, in the shop's zone: later or earlier than now, here and in the shop.

    Expired ones are good again. What was called off, and what begins only after that day, stays as it is. Returns how
    many have that last day now. So many at a time: what is done stays done when the rest fails. Raises Past, TooFar.
    """
    if until < at.astimezone(validity.zone()).date():
        raise Past
    if until > LATEST:
        raise TooFar
    ends_at = validity.begin_of(until + timedelta(days=1))
    ids = iter(sorted({coupon.pk for coupon in coupons}))
    done = 0
    while batch := list(islice(ids, batch_size(BATCH))):
        done += _extend(batch, ends_at=ends_at)
    return done


def _extend(ids: list[int], *, ends_at: datetime) -> int:
    good = Coupon.objects.filter(
        Q(starts_at=None) | Q(starts_at__lt=ends_at), pk__in=ids, state=Coupon.State.ISSUED, issued_at__lt=ends_at
    )
    with transaction.atomic():
        locked = dict(good.select_for_update().order_by("pk").values_list("pk", "code"))
        Coupon.objects.filter(pk__in=locked).update(expires_at=ends_at)
        if locked:
            engine.current().extend(sorted(locked.values()), ends_at=ends_at)
    return len(locked)
