"""Leaving the programme, and coming back: each one step, each once however often it is asked for.

The walk. Ada has 340 points, 40 of them pending, and is Gold; 100 more are set aside for a coupon that no order has
used. On 1 March at noon she leaves: the coupon is called off and its 100 points are back, she stands in no tier, and
her 440 points stand still. What she orders from noon on earns nothing, also later; what she had ordered before still
opens, and is taken back when it is refunded. On 20 March she comes back: the points and Gold are as they were, but for
what has ended by its own date. Had she come on 2 April, the points would have been given up on 31 March, by entries in
her ledger, and she would begin with none.

What an order earns follows from when it was placed and from who was in then, never from when we heard of it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Q

from loyalty.facts import ProgrammeLeft, ProgrammeReturned
from loyalty.models import Absence, Account, OrderAward, Referral
from loyalty.services import absences, awards, forfeits, referrals, tiers
from retention.locks import one_at_a_time
from retention.models import Customer, Order
from retention.services import facts


class NotAMember(Exception):
    """Only who has an account in the shop is in the programme, and can leave it."""


def leave(customer: Customer, *, at: datetime) -> Absence:
    """Let a member leave from now on. Who is out already stays out since then. Raises NotAMember."""
    if customer.kind != Customer.Kind.MEMBER or customer.absorbed_into_id or customer.erased_at:
        raise NotAMember
    forfeits.release([customer.pk], at=at)  # claims are locked before accounts
    with one_at_a_time("loyalty.tiers", wait=True):
        Account.objects.bulk_create([Account(customer=customer, created_at=at)], ignore_conflicts=True)
        mine = Account.objects.filter(customer=customer, left_at=None)
        if not mine.update(left_at=at, absences=F("absences") + 1):
            return Absence.objects.open().get(customer=customer)
        stood = tiers.take_down(customer, at=at)
        made = Absence.objects.create(
            customer=customer,
            left_at=at,
            tier=stood.tier if stood else None,
            tier_since=stood.since if stood else None,
            tier_until=stood.held_until if stood else None,
        )
        facts.publish([ProgrammeLeft(customer=customer.pk, at=at)])
    return made


def come_back(customer: Customer, *, at: datetime) -> bool:
    """Let who has left be in again from now on. Returns False for who is in.

    In time their points and their tier are as they were. Else what stood is written off first, whether or not the
    tick has been there.
    """
    gone = absences.now_of(customer)
    if gone is None:
        return False
    in_time = at < absences.ends_at(gone.left_at)
    if not in_time:
        forfeits.write_off([gone.pk], at=at)
    with one_at_a_time("loyalty.tiers", wait=True):
        back = max(at, gone.left_at)
        in_time &= not Absence.objects.filter(pk=gone.pk, given_up_at__isnull=False).exists()
        if not Absence.objects.open().filter(pk=gone.pk).update(returned_at=back):
            return False
        Account.objects.filter(customer=customer).update(left_at=None)
        if in_time and gone.tier is not None and gone.tier_since is not None:
            tiers.put_back(customer, gone.tier, since=gone.tier_since, until=gone.tier_until, at=back)
        facts.publish([ProgrammeReturned(customer=customer.pk, at=back, in_time=in_time)])
        tiers.recompute(customers=[customer.pk], at=back)
    return True


def follow(customers: Collection[int], *, at: datetime) -> None:
    """Bring what was ordered when these people left or came back, and what waited for them, to what it is."""
    placed = absences.meanwhile(Order.objects.filter(customer__in=customers)).values("reference")
    unbound = Q(at_most=None, order__in=placed)
    late = OrderAward.objects.filter(unbound | Q(at_most=0, account__customer__in=customers))
    awards.settle(dict.fromkeys(late.values_list("order", flat=True), at))
    waits = Referral.objects.filter(friend__in=customers, friend_points__gt=0, friend_holder=None)
    referrals.settle(waits.filter(rewarded_at__isnull=False).values_list("order", flat=True), at=at)
