"""Claiming rewards: points are set aside, a coupon is given, and what no order uses falls back.

Points leave only when an order arrives; ``spent_by_orders`` sees to that. Locks come in the order claims, accounts,
rewards, coupons.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from campaigns import validity
from campaigns.models import Coupon
from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from loyalty.facts import PointsSpent, RewardClaimed
from loyalty.locks import hold
from loyalty.models import Claim, Reward, Task
from loyalty.models.claim import LIVE
from loyalty.services import absences, coupon_families, paying, points, programmes, rewards
from loyalty.services.points import Book, Kind, Posting
from loyalty.services.rewards import No
from retention.facts import FactData
from retention.models import Customer
from retention.rows import batch_size
from retention.services import facts

GRACE = timedelta(hours=1)
"""So long after its coupon is over a claim keeps its points: an order that was placed in time may still be on its way
to us."""

TASKS = "reward"
"""The kind of our tasks for staff."""

SOURCE = "reward:"
"""What the source of our coupons begins with."""


class Refused(Exception):
    """The reward cannot be claimed; ``no`` says why. Nothing was changed."""

    def __init__(self, no: No, *, missing: int = 0) -> None:
        super().__init__(no)
        self.no = no
        self.missing = missing


class InUse(Exception):
    """An order with the claim's coupon is being placed, or has been: its points cannot be given back now."""


def claim(
    reward: Reward,
    customer: Customer,
    *,
    key: str,
    at: datetime,
    amount: int | None = None,
    currency: str = "",
) -> Claim:
    """Set a reward's points aside and give what they buy. The same key again returns the same claim.

    ``amount`` and ``currency``: of points off the basket, how many points, and for a basket in which currency. Raises
    Refused, and points.KeyReused where the key names another wish.
    """
    if not points.holders([customer.pk]):
        raise Refused(No.HAS_LEFT if absences.out([customer.pk]) else No.HOLDS_NO_POINTS)
    with transaction.atomic():
        book = Book([customer.pk], at=at)
        account = book.account(customer.pk)
        known = Claim.objects.filter(key=key).select_related("reward", "coupon").first()
        if known is not None:
            if (known.account_id, known.reward_id) != (account.pk, reward.pk):
                raise points.KeyReused(key)
            return known
        now = Reward.objects.on_offer(at=at).filter(pk=reward.pk).select_related("offer").first()
        if now is None:
            raise Refused(No.NOT_ON_OFFER)
        if not rewards.fits(now, customer, at=at):
            raise Refused(No.NOT_FOR_YOU)
        made = Claim(reward=now, account=account, key=key, points=now.cost, claimed_at=at)
        if now.kind == Reward.Kind.POINTS:
            _pay_with(made, amount or 0, currency, at=at)
        made.slot = _free_slot(made)
        try:
            book.hold(customer.pk, made.points)
        except points.NotEnough:
            raise Refused(No.NOT_ENOUGH, missing=made.points - account.spendable) from None
        made.counted = take_one(now)
        if now.kind in (Reward.Kind.COUPON, Reward.Kind.POINTS):
            made.coupon = _coupon(made, customer, at=at)
            made.lease_until = made.coupon.expires_at + GRACE
        made.save(force_insert=True)
        happened: list[FactData] = [
            RewardClaimed(customer=customer.pk, at=at, claim=made.pk, reward=now.pk, points=made.points)
        ]
        if now.kind == Reward.Kind.DONATION:
            happened.append(spend_now(made, book, at=at))
            made.save(update_fields=["state", "spent", "missing", "committed_at", "postings"])
        elif now.kind == Reward.Kind.CUSTOM:
            _ask_staff(made, customer, at=at)
        book.close()
        facts.publish(happened)
    return made


def _pay_with(made: Claim, amount: int, currency: str, *, at: datetime) -> None:
    """Note how many points are to pay, and what they pay at most."""
    if amount < made.reward.cost:
        raise Refused(No.TOO_FEW)
    if amount > points.LARGEST:
        raise Refused(No.NOT_ENOUGH, missing=amount)
    running = programmes.running()
    rate = running.rate(currency, placed_at=at) if running else None
    worth = paying.worth(amount, of_a_point=rate.worth, currency=currency) if rate and rate.worth else 0
    if worth < 1:
        raise Refused(No.NO_WORTH)
    made.points, made.worth_minor, made.currency = amount, worth, currency


def _free_slot(made: Claim) -> int | None:
    """Return the lowest slot that the account has free of this reward; None where it may have any number."""
    allowed = made.reward.per_person
    if allowed is None:
        return None
    mine = Claim.objects.filter(reward=made.reward, account=made.account, state__in=LIVE)
    taken = list(mine.values_list("slot", flat=True))
    if len(taken) >= allowed:  # those of before there was a limit count, and have no slot
        raise Refused(No.LIMIT)
    return next(slot for slot in range(1, allowed + 1) if slot not in taken)


def take_one(reward: Reward) -> bool:
    """Take one of a reward's stock by a conditional UPDATE: of two that want the last one, one hits no row.

    Returns whether there is a stock to take from. Raises Refused where it is gone.
    """
    if reward.stock is None:
        return False
    if not Reward.objects.filter(pk=reward.pk, stock__gt=F("taken")).update(taken=F("taken") + 1):
        raise Refused(No.GONE)
    return True


def _coupon(made: Claim, customer: Customer, *, at: datetime) -> Coupon:
    offer = rewards.offer_of(made.reward, at=at)
    # days after the claim, or the offer's own end where that comes first
    last = min(validity.ends_at(at, days=made.reward.valid_days), validity.of(offers.current(offer).terms, at=at)[1])
    coupon = coupons.issue(
        Wish(
            key=f"claim:{sha256(made.key.encode()).hexdigest()}",
            customer=customer.pk,
            currency=made.currency,
            amount=made.worth_minor,
            cap=1,
            expires_at=last if last > at else None,
        ),
        offer=offer,
        source=f"{SOURCE}{made.reward_id}",
        at=at,
    )
    if coupon is None:
        raise Refused(No.NO_COUPON)
    return coupon


def _ask_staff(made: Claim, customer: Customer, *, at: datetime) -> None:
    what = ": ".join(filter(None, (made.reward.name, made.reward.words)))
    Task.objects.create(
        key=task_key(made),
        kind=TASKS,
        customer=customer,
        what=what[:200],
        source=f"{SOURCE}{made.reward_id}",
        made_at=at,
    )


def task_key(made: Claim) -> str:
    """Return the key of the task for staff that a claim opened."""
    return f"claim:{made.pk}"


def spend_now(made: Claim, book: Book, *, at: datetime) -> FactData:
    """Spend the points of a reserved claim that no order is needed for; whoever calls saves it. Returns the fact.

    What went back with an order meanwhile is noted as missing.
    """
    customer = made.account.customer_id
    book.let_go(customer, made.points)
    made.spent = min(made.points, max(0, book.account(customer).balance))
    made.missing = made.points - made.spent
    if made.spent:
        book.write(spending(made, made.spent, renews=programmes.end_of(at), set_aside=made.points, at=at))
        made.postings += 1
    made.state, made.committed_at, made.lease_until = Claim.State.COMMITTED, at, None
    return PointsSpent(customer=customer, at=at, claim=made.pk, points=made.spent)


def spending(
    made: Claim, amount: int, *, renews: tuple[datetime | None, bool], set_aside: int, at: datetime
) -> Posting:
    """Return the entry that spends points of a claim. ``renews``: as ``programmes.end_of`` says."""
    about: dict[str, Any] = {"claim": made.pk, "reward": made.reward.name}
    if made.order:
        about["about"] = made.order
    if set_aside > amount:
        about["set_aside"] = set_aside
    return Posting(
        key=entry_key(made, made.postings),
        customer=made.account.customer_id,
        set_aside=set_aside,
        points=-amount,
        kind=Kind.SPEND,
        breakdown=about,
        source=f"{SOURCE}{made.reward_id}",
        renews_until=renews[0] if renews[1] else None,
        at=at,
    )


def entry_key(made: Claim, number: int) -> str:
    """Return the key of a claim's entry: its number makes two that settle one claim at once write one of them."""
    return f"claim:{made.pk}:{number}"


# Falling back


def release_due(*, at: datetime, limit: int = 500) -> int:
    """Give back the points of claims that no order has used in time. Returns how many."""
    late = Claim.objects.filter(state=Claim.State.RESERVED, lease_until__lte=at).order_by("lease_until", "pk")
    return len(release(list(late.values_list("pk", flat=True)[: batch_size(limit)]), reason=Claim.Reason.LEASE, at=at))


def release_uncovered(*, at: datetime, limit: int = 500) -> int:
    """Give back what is set aside beyond what an account has: the points went back with an order. Returns how many.

    The youngest claims go first.
    """
    claims = Claim.objects.filter(state=Claim.State.RESERVED, account__uncovered__gt=0).select_related("account")
    short: dict[int, int] = {}
    wanted = []
    for one in claims.order_by("-pk")[: batch_size(limit)]:
        left = short.setdefault(one.account_id, one.account.uncovered)
        if left > 0:
            short[one.account_id] = left - one.points
            wanted.append(one.pk)
    return len(release(wanted, reason=Claim.Reason.UNCOVERED, at=at))


def give_up(made: Claim, *, reason: str = Claim.Reason.GIVEN_UP, at: datetime) -> bool:
    """Give a claim's points back before its time. False where that was done already. Raises InUse."""
    done = release([made.pk], reason=reason, at=at)
    if not done and Claim.objects.filter(pk=made.pk).exclude(state=Claim.State.RELEASED).exists():
        raise InUse
    return bool(done)


def release(ids: Collection[int], *, reason: str, at: datetime) -> list[int]:
    """Let go the points of reserved claims and call their coupons off, but for those that an order or a checkout holds.

    Returns the ids of those that were let go. The number of queries does not depend on how many there are.
    """
    if not ids:
        return []
    with transaction.atomic():
        held = [one for one in hold(_with_account(ids)) if one.state == Claim.State.RESERVED]
        if not held:
            return []
        book = Book({one.account.customer_id for one in held}, at=at)
        families = coupon_families.of({one.coupon_id for one in held if one.coupon_id is not None}, lock=True)
        free = [one for one in held if one.coupon_id is None or not families[one.coupon_id].is_in_use]
        for one in free:
            book.let_go(one.account.customer_id, one.points)
            one.state, one.reason, one.released_at, one.lease_until = Claim.State.RELEASED, reason, at, None
        Claim.objects.bulk_update(free, ["state", "reason", "released_at", "lease_until"])
        put_back(free)
        Task.objects.filter(key__in=[task_key(one) for one in free], state=Task.State.OPEN).update(
            state=Task.State.WITHDRAWN, closed_at=at
        )
        book.close()
        coupons.void(coupon_families.members(families, free), reason=f"claim {reason}", at=at)
    return [one.pk for one in free]


def put_back(claims: Collection[Claim]) -> None:
    """Put what these claims have taken of a stock back, under their lock."""
    counted: dict[int, list[Claim]] = {}
    for one in claims:
        if one.counted:
            counted.setdefault(one.reward_id, []).append(one)
    for reward, ones in sorted(counted.items()):
        Reward.objects.filter(pk=reward, taken__gte=len(ones)).update(taken=F("taken") - len(ones))
        Claim.objects.filter(pk__in=[one.pk for one in ones]).update(counted=False)
        for one in ones:
            one.counted = False


def _with_account(ids: Collection[int]) -> QuerySet[Claim]:
    return Claim.objects.filter(pk__in=list(ids)).select_related("account", "reward")
