"""Uses of coupons while nobody has ordered yet: a cart reserves them for a while, or gives them back.

Whatever changes uses locks the coupons' rows first, in the order of their ids, then the tallies of their offers'
limits, then writes redemptions by offer and coupon. So two of them never wait for each other in a circle, and slots are
read under the lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from campaigns import queries, validity
from campaigns.conf import conf
from campaigns.models import Coupon, OfferLimit, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.services import heirs, limits
from retention.rows import batch_size

State = Redemption.State
TRIES = 50
"""More than anybody meets: each that fails has met another basket of the same person."""


class Refused(Exception):
    """A coupon cannot be reserved; ``reason`` says why."""

    def __init__(self, reason: Reason, coupon: Coupon) -> None:
        super().__init__(reason)
        self.reason = reason
        self.coupon = coupon


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One use that a cart wants to reserve. The coupon comes from ``queries.by_code``."""

    coupon: Coupon
    customer_key: str
    """HMAC of the folded address."""
    customer: int | None = None
    """Our id of the person where there is one."""
    currency: str = ""
    discount: int = 0
    """What it takes off, minor units, by which a budget counts it."""


def reserve(holds: Sequence[Hold], *, cart: str, at: datetime, empty: bool = False) -> list[Redemption]:
    """Hold one use of each coupon for a cart until the lease is over. The same cart again renews the lease.

    All or none: raises Refused for one that cannot be had, and has changed nothing then. In the common case of one
    coupon without limits it is two statements. ``empty``: only where the cart holds nothing at all.
    """
    lease = at + timedelta(minutes=conf.COUPON_LEASE_MINUTES)
    look = any(hold.coupon.held for hold in holds)
    refused: Refused | None = None
    for left in reversed(range(TRIES)):
        held = _renew([hold.coupon.pk for hold in holds], cart=cart, lease=lease) if look else {}
        wanted = [hold for hold in holds if hold.coupon.pk not in held]
        try:
            made = _insert(wanted, cart=cart, lease=lease, at=at, look=look, empty=empty) if wanted else {}
        except IntegrityError:
            if not left:
                raise
            # a slot was taken meanwhile: who looks again finds one less
        except Refused as no:
            if refused or empty:
                raise
            refused = no  # the same cart may have been quicker by another request
        else:
            return [(held | made)[hold.coupon.pk] for hold in holds]
        look = True
    raise AssertionError("the last try returns or raises")


def _insert(
    holds: Sequence[Hold], *, cart: str, lease: datetime, at: datetime, look: bool, empty: bool
) -> dict[int, Redemption]:
    """Take a use of each; ``look``: read which slots are free, even where there is only one."""
    with transaction.atomic():
        for hold in sorted(holds, key=lambda hold: hold.coupon.pk):
            _take(hold.coupon, at=at, empty=cart if empty else None)
        _take_from_offers(holds, at=at)
        rows: list[Redemption] = []
        for hold in sorted(holds, key=lambda hold: (hold.coupon.offer_id, hold.coupon.pk)):
            rows.append(_row(hold, rows, cart=cart, lease=lease, at=at, look=look))
        Redemption.objects.bulk_create(rows)
    return {row.coupon_id: row for row in rows}


def _row(
    hold: Hold, beside: Sequence[Redemption], *, cart: str, lease: datetime, at: datetime, look: bool
) -> Redemption:
    """Return the use that is to be inserted together with those ``beside`` it."""
    coupon, allowed = hold.coupon, hold.coupon.terms.per_customer
    window = validity.window(at, coupon.terms.per_customer_period)
    of_coupon = {"coupon": coupon.pk}
    of_offer = {"offer": coupon.offer_id, "window": window, "offer_slot__isnull": False}
    also = {row.offer_slot for row in beside if row.offer_id == coupon.offer_id} - {None}
    return Redemption(
        coupon=coupon,
        offer_id=coupon.offer_id,
        customer_id=hold.customer,
        customer_key=hold.customer_key,
        slot=_free_slot(hold, of_coupon, coupon.per_customer, "slot", look=look),
        offer_slot=_free_slot(hold, of_offer, allowed, "offer_slot", look=look, also=also) if allowed else None,
        window=window,
        cart=cart,
        state=State.RESERVED,
        currency=hold.currency or coupon.currency,
        discount_minor=hold.discount,
        lease_until=lease,
        reserved_at=at,
        taken_at=at,
    )


def _renew(coupons: Collection[int], *, cart: str, lease: datetime) -> dict[int, Redemption]:
    rows = Redemption.objects.filter(coupon__in=coupons, cart=cart, state=State.RESERVED)
    return {row.coupon_id: row for row in rows} if rows.update(lease_until=lease) else {}


def _take(coupon: Coupon, *, at: datetime, empty: str | None = None) -> None:
    """Take a use by a conditional UPDATE: of two that want the last one, one hits no row.

    ``empty``: a cart that must hold nothing as yet.
    """
    rows = Coupon.objects.redeemable(at=at).filter(pk=coupon.pk)
    if empty is not None:
        rows = rows.exclude(queries.reserved_by(empty))
    if not rows.update(used=F("used") + 1):
        raise Refused(why_not(coupon, at=at), coupon)


def _take_from_offers(holds: Sequence[Hold], *, at: datetime) -> None:
    """Take what each use takes of its offer's limits, where there are any."""
    limited = [hold for hold in holds if hold.coupon.limited]
    if not limited:
        return
    of = limits.of({hold.coupon.offer_id for hold in limited})
    wanted: Counter[limits.Need] = Counter()
    for hold in limited:
        caps = of[hold.coupon.offer_id]
        if not limits.covers(caps, hold.currency):
            raise Refused(Reason.BUDGET, hold.coupon)
        wanted += limits.needs(caps, currency=hold.currency, discount=hold.discount, at=at)
    by_pk = {limit.pk: limit for caps in of.values() for limit in caps}
    try:
        limits.take(wanted, by_pk)
    except limits.Exceeded as no:
        last = [hold.coupon for hold in limited if hold.coupon.offer_id == no.limit.offer_id][-1]
        raise Refused(no.reason, last) from no


def _free_slot(
    hold: Hold,
    among: Mapping[str, object],
    allowed: int,
    field: str,
    *,
    look: bool,
    also: Collection[int | None] = (),
) -> int:
    """Return the lowest slot that the person has free ``among`` their uses like this, those ``also`` taken left aside.

    Of one there is only one: the constraint decides, without a look before.
    """
    if allowed == 1 and not look and not also:
        return 1
    mine = Redemption.objects.filter(customer_key=hold.customer_key, state__in=LIVE, **among)
    taken = {*mine.values_list(field, flat=True), *also}
    free = next((slot for slot in range(1, allowed + 1) if slot not in taken), None)
    if free is None:
        raise Refused(Reason.CUSTOMER_LIMIT, hold.coupon)
    return free


def why_not(coupon: Coupon, *, at: datetime) -> Reason:
    """Return why a coupon that is not redeemable now is not."""
    now = Coupon.objects.get(pk=coupon.pk)
    if now.state == Coupon.State.VOID:
        return Reason.VOID
    if now.expires_at <= at:
        return Reason.EXPIRED
    if now.starts_at is not None and now.starts_at > at:
        return Reason.NOT_STARTED
    return Reason.RESERVED if Redemption.objects.filter(coupon=now, state=State.RESERVED).exists() else Reason.USED


# Giving back


def move(redemption: int, *, cart: str) -> bool:
    """Let a reservation follow its shopper to another cart; False when it is over."""
    return Redemption.objects.filter(pk=redemption, state=State.RESERVED).update(cart=cart) == 1


def forget(*, cart: str, keep: Collection[int], at: datetime) -> int:
    """Give back what a cart holds of coupons that are not in it any more; ``keep`` are ids of those that are."""
    rows = Redemption.objects.filter(cart=cart).exclude(coupon__in=keep)
    return _release(rows, reason=Redemption.Reason.REMOVED, at=at)


def give_up(ids: Collection[int], *, at: datetime) -> int:
    """Give back these reservations. Returns how many there were."""
    return _release(Redemption.objects.filter(pk__in=ids), reason=Redemption.Reason.REMOVED, at=at)


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
        locked = lock(chosen.values())
        offers = {coupon.offer_id for coupon in locked.values()}
        of = limits.of(offers)
        limits.lock((), offers)
        still = list(rows.filter(pk__in=chosen))
        Redemption.objects.filter(pk__in=[row.pk for row in still], state=State.RESERVED).update(
            state=State.RELEASED, reason=reason, released_at=at, lease_until=None
        )
        count([row.coupon_id for row in still], by=-1)
        limits.move(taken(still, of, by=-1))
        inherit(locked, at=at)
    return len(still)


# Counting, under the lock


def lock(coupons: Collection[int]) -> dict[int, Coupon]:
    """Lock these coupons, those that were made for them, and for these in turn, always in the same order."""
    rows = Coupon.objects.select_for_update().order_by("pk")
    locked = {coupon.pk: coupon for coupon in rows.filter(Q(pk__in=coupons) | Q(replaces__in=coupons))}
    heirs = set(locked) - set(coupons)
    while heirs:  # a new code for a new code is rare; it is younger than both, so the order stays
        younger = {coupon.pk: coupon for coupon in rows.filter(replaces__in=heirs).exclude(pk__in=locked)}
        locked |= younger
        heirs = set(younger)
    return locked


def inherit(locked: Mapping[int, Coupon], *, at: datetime) -> None:
    """Let new codes have what has come free of these locked coupons, and lose what these have used again."""
    # whoever gets a new code loses the old one, under its lock
    if changed := [pk for pk, row in locked.items() if row.state == Coupon.State.VOID or row.replaces_id is not None]:
        heirs.level(changed, at=at)


def count(ids: Sequence[int], *, by: int) -> None:
    """Move ``used`` of locked coupons by ``by`` for each time that they are named; one UPDATE per distinct number."""
    times: dict[int, list[int]] = {}
    for pk, n in Counter(ids).items():
        times.setdefault(n, []).append(pk)
    for n, keys in times.items():
        Coupon.objects.filter(pk__in=keys).update(used=Greatest(F("used") + n * by, Value(0)))


def taken(rows: Iterable[Redemption], of: Mapping[int, Sequence[OfferLimit]], *, by: int) -> Counter[limits.Need]:
    """Return what these uses take of their offers' limits, times ``by``."""
    changed: Counter[limits.Need] = Counter()
    for row in rows:
        if row.taken_at is None:
            continue
        wanted = limits.needs(of[row.offer_id], currency=row.currency, discount=row.discount_minor, at=row.taken_at)
        for need, amount in wanted.items():
            changed[need] += by * amount
    return changed
