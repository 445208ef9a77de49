"""Referrals: what each is worth now is a function of the friend's order, of the window and of what staff said.

Whoever calls ``settle`` twice, late or out of turn gets the same. One at a time, so that of two who bring one friend
the first counts, and no cap is passed by two at once; constraints hold the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef

from loyalty.facts import FriendReferred, ReferralFlagged
from loyalty.locks import hold
from loyalty.models import Programme, Referral, ReferralLink, ReferralTerms
from loyalty.models.programme import DebtPolicy, PendingFrom
from loyalty.services import referral_checks, referral_friends, referral_rewards
from loyalty.services.referral_rewards import Allowance
from retention.conf import conf as ground
from retention.facts import FactData
from retention.hashing import customer_key
from retention.locks import one_at_a_time
from retention.models import Customer, Order
from retention.rows import batch_size
from retention.services import facts

LOCK = "loyalty.referrals"
PATIENCE = timedelta(days=7)
"""How long we wait for an order that the shop has named and we have not read."""

State, Why, Review = Referral.State, Referral.Why, Referral.Review

FINAL = frozenset({Why.UNKNOWN, Why.OFF, Why.OLD, Why.HISTORY, Why.GONE, Why.NO_ORDER})
"""What no later fact of the order can change."""

WRITTEN = [
    "state", "why", "referrer", "friend", "friend_key", "points", "reward_offer", "window_days", "window_from",
    "friend_points", "debt_policy", "due_at", "stands", "forgiven", "friend_holder", "friend_stands",
    "friend_forgiven", "postings", "coupon", "slot_month", "slot_in_month", "slot_ever", "rewarded_at",
    "settled_at",
]  # fmt: skip


def settle(orders: Collection[str], *, at: datetime) -> int:
    """Bring the referrals of these orders to what they are. Returns how many there are.

    One query where none of the orders came by a link; else a number that does not depend on how many did.
    """
    rows = Referral.objects.filter(order__in=orders)
    if not rows.exists():
        return 0
    # whose friend is brought once stands or falls with the other orders of that friend
    buyers = Order.objects.filter(reference__in=rows.values("order")).values("customer")
    others = Referral.objects.filter(friend__in=buyers, rewarded_at=None).values_list("order", flat=True)
    rows = Referral.objects.filter(order__in={*orders, *others})
    # before anybody has to wait: to look for mailboxes takes as long as there are customers
    found = Order.objects.filter(reference__in=rows.filter(rewarded_at=None).values("order"))
    same = referral_friends.of_one_mailbox(found.select_related("customer"))
    with one_at_a_time(LOCK, wait=True):
        held = hold(rows.select_related("referrer", "reward_offer"))
        Settling(held, same, at=at).run()
    return len(held)


def settle_due(*, at: datetime, limit: int = 1000) -> int:
    """Settle what has just come, and what has outlived its window. Returns how many."""
    fresh = Referral.objects.filter(state=State.NEW).order_by("at", "pk").values_list("order", flat=True)
    due = Referral.objects.due(at=at).order_by("due_at", "pk").values_list("order", flat=True)
    known = fresh.filter(Exists(Order.objects.filter(reference=OuterRef("order"))))[: batch_size(limit)]
    lost = fresh.filter(at__lte=at - PATIENCE)[: batch_size(limit)]
    return settle({*known, *lost, *due[: batch_size(limit)]}, at=at)


def forget_networks(*, at: datetime) -> int:
    """Forget from which networks friends came, once nothing is compared with it any more. Returns how many."""
    terms = ReferralTerms.objects.order_by("-active", "-pk").first()
    span = timedelta(days=terms.network_days if terms else 0) / ground.SPEED
    return Referral.objects.filter(at__lte=at - span).exclude(network_hash="").update(network_hash="")


class Settling:
    """Referrals that are locked, and what decides them."""

    def __init__(self, held: list[Referral], same: Mapping[int, str], *, at: datetime) -> None:
        """``same``: as ``referral_friends.of_one_mailbox`` returns it."""
        self.held, self.same, self.at = held, same, at
        rows = Order.objects.filter(reference__in=[one.order for one in held]).select_related("customer")
        self.orders = {order.reference: order for order in rows}
        self.terms = ReferralTerms.objects.order_by("-active", "-pk").first()
        self.happened: list[FactData] = []
        self.caps: dict[int, Mapping[str, Any]] = {}

    def run(self) -> None:
        before = {one.pk: one.state for one in self.held}
        self._name_referrers()
        counting = [one for one in self.held if one.order in self.orders and one.why not in FINAL]
        self._name_friends(counting)
        referral_rewards.bind(one for one in counting if before[one.pk] == State.NEW)
        self._flag([one for one in counting if not one.why])
        self._decide(counting)
        for one in self.held:
            if one.state == State.WAITING and before[one.pk] == State.NEW and not self._may_be_own(one):
                self.happened.append(FriendReferred(customer=one.referrer_id, at=self.at, referral=one.pk))
            one.settled_at = self.at
        referral_rewards.level([one for one in counting if one.referrer_id], self.caps, at=self.at)
        # whose friend it is not any more goes first: the constraint looks at every row by itself
        for rows in ([one for one in self.held if not one.friend_key], [one for one in self.held if one.friend_key]):
            Referral.objects.bulk_update(rows, WRITTEN, batch_size=500)
        facts.publish(self.happened)

    def _name_referrers(self) -> None:
        """Find out whose codes these are, once, and note what was promised."""
        fresh = [one for one in self.held if one.state == State.NEW]
        links = ReferralLink.objects.filter(code__in={one.code for one in fresh}).select_related("customer")
        by_code = {link.code: link.customer for link in links} if fresh else {}
        programme = Programme.objects.filter(active=True).first() if fresh else None
        for one in fresh:
            order, who = self.orders.get(one.order), by_code.get(one.code)
            if who is not None and who.kind == Customer.Kind.MEMBER and who.erased_at is None:
                one.referrer = who
            if order is None:
                if one.at <= self.at - PATIENCE:
                    self._refuse(one, Why.NO_ORDER)
            elif one.referrer is None:
                self._refuse(one, Why.UNKNOWN)
            elif order.history:
                self._refuse(one, Why.HISTORY)
            elif self.terms is None or not self.terms.active:
                self._refuse(one, Why.OFF)
            elif (
                one.parked_at and one.parked_at + timedelta(days=self.terms.link_days) / ground.SPEED < order.placed_at
            ):
                self._refuse(one, Why.OLD)
            else:
                one.points, one.reward_offer = self.terms.points, self.terms.reward_offer
                one.friend_points = self.terms.friend_points
                one.debt_policy = programme.debt_policy if programme else DebtPolicy.OWE
                one.window_days, one.window_from = self.terms.window_days, self.terms.window_from

    def _name_friends(self, referrals: list[Referral]) -> None:
        """Say whose first order each is; of two who brought one friend, the first counts."""
        for one in referrals:
            owner = self.orders[one.order].customer
            one.friend = None if owner.pk == one.referrer_id else owner
            if one.friend is None and one.state == State.REWARDED:
                one.state = State.WAITING  # the referrer has shown that the friend's order is their own
        open_ones = [one for one in referrals if one.rewarded_at is None]
        knew = referral_friends.knew_us([self.orders[one.order] for one in open_ones], self.same)
        # who has called off the first order may be brought again
        keys = {one.pk: self._key(one) if self.orders[one.order].counts else "" for one in open_ones}
        others = Referral.objects.filter(friend_key__in={key for key in keys.values() if key})
        taken = dict(others.exclude(pk__in=keys).values_list("friend_key", "pk"))
        for one in sorted(open_ones, key=lambda one: (one.friend_key == "", one.pk)):
            # what may be the referrer's own is for staff to say, and nobody's friend before they have
            own = self._may_be_own(one)
            key = "" if own and one.review != Review.APPROVED else keys[one.pk]
            one.friend_key, one.why = "", ""
            if one.referrer is None or one.referrer.erased_at:
                self._refuse(one, Why.GONE)
            elif one.order in knew and not own:
                self._refuse(one, Why.KNOWN)
            elif key and taken.setdefault(key, one.pk) != one.pk:
                self._refuse(one, Why.TWICE)
            else:
                one.friend_key = key
                if one.state in (State.NEW, State.NO):
                    one.state = State.WAITING

    def _may_be_own(self, one: Referral) -> bool:
        return one.referrer is not None and bool(referral_checks.own(one.referrer, self.orders[one.order]))

    def _key(self, one: Referral) -> str:
        order = self.orders[one.order]
        email = order.email or order.customer.email
        return customer_key(email) if email else one.friend_key

    def _flag(self, referrals: list[Referral]) -> None:
        """Put before staff what stands out and was not reviewed."""
        asked = [one for one in referrals if one.state == State.WAITING and one.review in (Review.NONE, Review.OPEN)]
        if not asked or self.terms is None:
            return
        # what is compared is what is written: the others of this batch count as well
        Referral.objects.bulk_update(asked, ["state", "referrer", "why"])
        mine = {one.pk: one for one in self.held}
        came = referral_checks.note(referral_checks.look(asked, self.orders, self.terms), at=self.at)
        for one in came:
            if one.pk in mine:
                mine[one.pk].review = Review.OPEN
            self.happened.append(ReferralFlagged(customer=one.referrer_id, at=self.at, referral=one.pk))

    def _decide(self, referrals: list[Referral]) -> None:
        due = [one for one in referrals if self._lasts(one)]
        allowance = Allowance({one.referrer_id for one in due if one.referrer_id}, self.terms, at=self.at)
        for one in sorted(referrals, key=lambda one: (one.due_at is None, one.due_at or self.at, one.pk)):
            if one.why:
                continue
            order = self.orders[one.order]
            if one.review == Review.DECLINED:
                one.state = State.DECLINED
            elif not order.counts:
                one.state = State.LOST
            elif one.state == State.CAPPED:
                continue
            elif not self._lasts(one):
                one.state = State.WAITING
            elif one.slot_ever is None and (cap := allowance.take(one)):
                one.state = State.CAPPED
                self.caps[one.pk] = cap
            else:
                one.state = State.REWARDED
        for one in referrals:
            if one.state != State.REWARDED:
                one.slot_month = one.slot_in_month = one.slot_ever = None

    def _lasts(self, one: Referral) -> bool:
        """Whether the friend's order has outlived its window, and nothing stands in the way."""
        order = self.orders[one.order]
        begins = order.fulfilled_at if one.window_from == PendingFrom.FULFILLED else order.paid_at
        one.due_at = begins + timedelta(days=one.window_days) / ground.SPEED if begins else None
        if one.why or not order.counts or one.review in (Review.OPEN, Review.DECLINED) or one.friend_id is None:
            return False
        return one.rewarded_at is not None or (one.due_at is not None and one.due_at <= self.at)

    @staticmethod
    def _refuse(one: Referral, why: Referral.Why) -> None:
        one.state, one.why = State.NO, why
