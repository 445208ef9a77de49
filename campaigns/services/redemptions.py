"""Uses of coupons while nobody has ordered yet: a cart reserves one for a while, or gives it back.

Whatever changes a use locks the coupon's row first, then the offer's, then writes the redemption; coupons in the
order of their ids. So two of them never wait for each other in a circle, and slots are read under the lock.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from campaigns.conf import conf
from campaigns.models import Coupon, Offer, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from retention.rows import batch_size

State = Redemption.State


class Refused(Exception):
    """The coupon cannot be reserved; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def reserve(coupon: Coupon, *, cart: str, customer_key: str, customer: int | None, at: datetime) -> Redemption:
    """Hold one use of a coupon for a cart until its lease is over. The same cart again renews the lease.

    ``coupon`` comes from ``queries.by_code``, so that the common case is two queries more.
    ``customer_key`` is the HMAC of the folded address, ``customer`` our id of the person where there is one.
    Raises Refused, and then has changed nothing.
    """
    lease = at + timedelta(minutes=conf.COUPON_LEASE_MINUTES)
    if coupon.held and (held := _renew(coupon, cart=cart, lease=lease)):
        return held
    reason = Reason.CUSTOMER_LIMIT
    # each try that meets a slot taken meanwhile finds one slot less
    for _ in range(1 + (coupon.terms.per_customer or 0)):
        try:
            return _insert(coupon, cart=cart, customer_key=customer_key, customer=customer, lease=lease, at=at)
        except IntegrityError:
            reason = Reason.CUSTOMER_LIMIT
        except Refused as refused:
            reason = refused.reason
        # the same cart may have been quicker by another request
        if held := _renew(coupon, cart=cart, lease=lease):
            return held
        if reason != Reason.CUSTOMER_LIMIT:
            break
    raise Refused(reason)


def _insert(
    coupon: Coupon, *, cart: str, customer_key: str, customer: int | None, lease: datetime, at: datetime
) -> Redemption:
    with transaction.atomic():
        _take(coupon, at=at)
        offer_slot = _take_from_offer(coupon, customer_key)
        return Redemption.objects.create(
            coupon=coupon,
            offer_id=coupon.offer_id,
            customer_id=customer,
            customer_key=customer_key,
            slot=_free_slot(Redemption.objects.filter(coupon=coupon), customer_key, coupon.per_customer),
            offer_slot=offer_slot,
            cart=cart,
            state=State.RESERVED,
            currency=coupon.currency,
            lease_until=lease,
            reserved_at=at,
        )


def _renew(coupon: Coupon, *, cart: str, lease: datetime) -> Redemption | None:
    held = Redemption.objects.filter(coupon=coupon, cart=cart, state=State.RESERVED)
    return held.get() if held.update(lease_until=lease) else None


def _take(coupon: Coupon, *, at: datetime) -> None:
    """Take a use by a conditional UPDATE: of two that want the last one, one hits no row."""
    if not Coupon.objects.redeemable(at=at).filter(pk=coupon.pk).update(used=F("used") + 1):
        raise Refused(why_not(coupon, at=at))


def _take_from_offer(coupon: Coupon, customer_key: str) -> int | None:
    """Take a use of the offer where it is limited in total; return the person's slot where that is limited."""
    if coupon.offer.max_uses is not None:
        rows = Offer.objects.filter(pk=coupon.offer_id)
        if not rows.filter(Q(max_uses=None) | Q(used__lt=F("max_uses"))).update(used=F("used") + 1):
            raise Refused(Reason.OFFER_LIMIT)
    allowed = coupon.terms.per_customer
    if allowed is None:
        return None
    taken = Redemption.objects.filter(offer=coupon.offer_id).exclude(offer_slot=None)
    return _free_slot(taken, customer_key, allowed, "offer_slot")


def _free_slot(rows: QuerySet[Redemption], customer_key: str, allowed: int, field: str = "slot") -> int:
    """Return the lowest slot that the person has free.

    Of one there is only one: the constraint decides, without a look before.
    """
    if allowed == 1:
        return 1
    taken = set(rows.filter(customer_key=customer_key, state__in=LIVE).values_list(field, flat=True))
    free = next((slot for slot in range(1, allowed + 1) if slot not in taken), None)
    if free is None:
        raise Refused(Reason.CUSTOMER_LIMIT)
    return free


def why_not(coupon: Coupon, *, at: datetime) -> Reason:
    """Return why a coupon that is not redeemable now is not."""
    now = Coupon.objects.get(pk=coupon.pk)
    if now.state == Coupon.State.VOID:
        return Reason.VOID
    if now.expires_at <= at:
        return Reason.EXPIRED
    return Reason.RESERVED if Redemption.objects.filter(coupon=now, state=State.RESERVED).exists() else Reason.USED


def move(redemption: int, *, cart: str) -> bool:
    """Let a reservation follow its shopper to another cart; False when it is over."""
    return Redemption.objects.filter(pk=redemption, state=State.RESERVED).update(cart=cart) == 1


def forget(*, cart: str, keep: Collection[int], at: datetime) -> int:
    """Give back what a cart holds of coupons that are not in it any more; ``keep`` are ids of those that are."""
    rows = Redemption.objects.filter(cart=cart).exclude(coupon__in=keep)
    return _release(rows, reason=Redemption.Reason.REMOVED, at=at)


def release_leases(*, at: datetime, limit: int = 500) -> int:
    """Give back what carts reserved and did not order in time. Returns how many."""
    return _release(
        Redemption.objects.filter(lease_until__lte=at), reason=Redemption.Reason.LEASE, at=at, limit=batch_size(limit)
    )


def _release(rows: QuerySet[Redemption], *, reason: str, at: datetime, limit: int = 500) -> int:
    """Release reserved rows; an order may have come since they were chosen, so the UPDATE asks again."""
    rows = rows.filter(state=State.RESERVED)
    chosen = dict(rows.order_by("pk").values_list("pk", "coupon")[:limit])
    if not chosen:
        return 0
    with transaction.atomic():
        lock(chosen.values())
        still = list(rows.filter(pk__in=chosen).values_list("pk", "coupon", "offer"))
        Redemption.objects.filter(pk__in=[pk for pk, _, _ in still], state=State.RESERVED).update(
            state=State.RELEASED, reason=reason, released_at=at, lease_until=None
        )
        count(Coupon, [coupon for _, coupon, _ in still], by=-1)
        count(Offer, [offer for _, _, offer in still], by=-1)
    return len(still)


def lock(coupons: Collection[int]) -> dict[int, Coupon]:
    """Lock these coupons and those of their offers that are limited in total, always in the same order."""
    rows = Coupon.objects.select_for_update().filter(pk__in=coupons).order_by("pk")
    locked = {coupon.pk: coupon for coupon in rows}
    offers = {coupon.offer_id for coupon in locked.values()}
    list(Offer.objects.select_for_update().filter(pk__in=offers, max_uses__isnull=False).order_by("pk"))
    return locked


def count(model: type[Coupon] | type[Offer], ids: Collection[int], *, by: int) -> None:
    """Move ``used`` of locked rows by ``by`` for each time that they are named; one UPDATE per distinct number."""
    times: dict[int, list[int]] = {}
    for pk in set(ids):
        times.setdefault(list(ids).count(pk), []).append(pk)
    for n, keys in times.items():
        rows = model._default_manager.filter(pk__in=keys)
        if model is Offer:
            rows = rows.filter(max_uses__isnull=False)
        # never below zero: a limit that was set while a cart reserved has not counted it
        rows.update(used=Greatest(F("used") + n * by, Value(0)))
