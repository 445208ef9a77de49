"""Points of claims as their orders are now: what a claim's coupon was used for is the target, the ledger follows.

A use that stands has its points spent; a use that was called off has them back, with their old end. It does not matter
in which order facts come, or how often: the difference between what should be spent and what is spent is posted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from campaigns.models import Coupon, Redemption
from campaigns.services import coupons
from campaigns.terms import Kind as Gives
from loyalty.facts import PointsGivenBack, PointsSpent
from loyalty.locks import hold
from loyalty.models import Claim, Entry, Lot, LotMove, Reward
from loyalty.models.claim import LIVE
from loyalty.services import claims, coupon_families, paying, programmes
from loyalty.services.coupon_families import Family
from loyalty.services.points import Book, Kind, Posting
from retention.facts import FactData
from retention.models import Order
from retention.services import facts

PARTLY = (Gives.AMOUNT, Gives.PERCENTAGE)
"""Kinds of which a refund of a part of the order gives a part of the points back."""

WRITTEN = ["state", "reason", "spent", "missing", "order", "paid_minor", "currency", "slot", "postings", "lease_until",
           "committed_at", "released_at"]  # fmt: skip


def settle(*, orders: Collection[str] = (), of_coupons: Collection[int] = (), at: datetime) -> int:
    """Bring the claims that these orders or coupons are about to what stands. Returns how many changed.

    The number of queries does not depend on how many there are.
    """
    wanted = _claims(orders, of_coupons)
    if not wanted:
        return 0
    with transaction.atomic():
        held = hold(Claim.objects.filter(pk__in=wanted).select_related("account", "reward"))
        return _Settling(held, at=at).run()


def _claims(orders: Collection[str], of_coupons: Collection[int]) -> set[int]:
    """Return the ids of the claims behind orders and coupons; a new code leads to the claim of the old one."""
    found = set(Claim.objects.filter(order__in=list(orders)).values_list("pk", flat=True)) if orders else set()
    generation = set(of_coupons)
    while generation:
        found |= set(Claim.objects.filter(coupon__in=generation).values_list("pk", flat=True))
        rows = Coupon.objects.filter(pk__in=generation, replaces__isnull=False)
        generation = {pk for pk in rows.values_list("replaces", flat=True) if pk is not None}
    return found


class _Settling:
    """Claims that are locked, what orders say of them, and the book that the differences go into."""

    def __init__(self, held: Sequence[Claim], *, at: datetime) -> None:
        self.held, self.at = [one for one in held if one.coupon_id is not None], at
        self.book = Book({one.account.customer_id for one in self.held}, at=at)
        # what orders say is read once the locks are held: who waited sees what the other has not seen
        self.families = coupon_families.of({one.coupon_id for one in self.held if one.coupon_id is not None})
        uses = {use.order for family in self.families.values() for use in family.uses}
        self.orders = {order.reference: order for order in Order.objects.filter(reference__in=uses)}
        self.renews = programmes.end_of(at)
        self.taken = self._taken()
        self.places = self._places()
        self.happened: list[FactData] = []
        self.over: list[Claim] = []
        """Whose coupons are to be called off."""
        self.back: list[Claim] = []
        """What goes back to the stock."""

    def run(self) -> int:
        before = {one.pk: _columns(one) for one in self.held}
        for one in self.held:
            self._settle(one)
        changed = [one for one in self.held if _columns(one) != before[one.pk]]
        self.book.close()
        Claim.objects.bulk_update(changed, WRITTEN)
        claims.put_back(self.back)
        coupons.void(coupon_families.members(self.families, self.over), reason="claim cancelled", at=self.at)
        facts.publish(self.happened)
        return len(changed)

    def _taken(self) -> Mapping[int, list[tuple[Lot, int]]]:
        """Return claim id → the lots that its points came from, and how many are still away, in the order of taking."""
        keys = {claims.entry_key(one, number): (one.pk, number) for one in self.held for number in range(one.postings)}
        if not keys:
            return {}
        posted: dict[int, dict[int, int]] = defaultdict(dict)
        for key, number in Entry.objects.filter(key__in=keys).values_list("key", "points"):
            claim, turn = keys[key]
            posted[claim][turn] = number
        moved: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        moves = LotMove.objects.filter(entry__key__in=keys, lot__account=F("entry__account"), points__lt=0)
        for key, lot, number in moves.values_list("entry__key", "lot", "points"):
            moved[keys[key]][lot] = -number
        lots = Lot.objects.in_bulk({lot for of_entry in moved.values() for lot in of_entry})
        return {
            claim: _away([(entries[turn], moved[claim, turn]) for turn in sorted(entries)], lots)
            for claim, entries in posted.items()
        }

    def _places(self) -> set[tuple[int, int, int | None]]:
        """Return reward, account and slot of every claim that stands, of those that limits are for."""
        limited = [one for one in self.held if one.slot is not None and one.state == Claim.State.RELEASED]
        if not limited:
            return set()
        rows = Claim.objects.filter(
            reward__in={one.reward_id for one in limited},
            account__in={one.account_id for one in limited},
            slot__isnull=False,
            state__in=LIVE,
        )
        return set(rows.values_list("reward", "account", "slot"))

    def _settle(self, one: Claim) -> None:
        assert one.coupon_id is not None
        family = self.families[one.coupon_id]
        use = _use(one, family)
        if use is None:
            if one.state == Claim.State.COMMITTED:
                self._undo(one)
            return
        set_aside = one.points if one.state == Claim.State.RESERVED else 0
        if one.state != Claim.State.COMMITTED:
            self._commit(one, use)
        one.order, one.paid_minor, one.currency = use.order, use.discount_minor, one.currency or use.currency
        self._approach(one, self._target(one, use, family), set_aside=set_aside)

    def _target(self, one: Claim, use: Redemption, family: Family) -> int:
        """Return how many points the use costs as its order is now."""
        spent = one.points
        if one.worth_minor:
            spent = paying.used(use.discount_minor, points=one.points, worth_minor=one.worth_minor)
        order = self.orders.get(use.order)
        kind = next(coupon.terms.kind for coupon in family.coupons if coupon.pk == use.coupon_id)
        if order is None or kind not in PARTLY:
            return spent
        return spent - paying.given_back(spent, refunded_minor=order.refunded_minor, total_minor=order.total_minor)

    def _commit(self, one: Claim, use: Redemption) -> None:
        if one.state == Claim.State.RESERVED:
            self.book.let_go(one.account.customer_id, one.points)
        else:
            self._take_again(one)
        one.state, one.reason, one.lease_until, one.released_at = Claim.State.COMMITTED, "", None, None
        one.committed_at = use.committed_at or self.at

    def _take_again(self, one: Claim) -> None:
        """Let an order that was taken up again, or came late, have its place and its piece where they are free.

        It stands without them where they are not: the shop has the order.
        """
        place = (one.reward_id, one.account_id, one.slot)
        if place in self.places:
            one.slot = None
        elif one.slot is not None:
            self.places.add(place)
        if one.counted or one.reward.stock is None:
            return
        free = Reward.objects.filter(pk=one.reward_id, stock__gt=F("taken"))
        if free.update(taken=F("taken") + 1):
            Claim.objects.filter(pk=one.pk).update(counted=True)
            one.counted = True

    def _undo(self, one: Claim) -> None:
        """Give everything back: the order was called off."""
        self._approach(one, 0)
        one.state, one.reason, one.released_at = Claim.State.RELEASED, Claim.Reason.CANCELLED, self.at
        one.paid_minor = 0
        self.over.append(one)
        self.back.append(one)

    def _approach(self, one: Claim, target: int, *, set_aside: int = 0) -> None:
        """Post the difference between what stands as spent, or is noted as missing, and the target."""
        customer = one.account.customer_id
        account = self.book.account(customer)
        more = target - one.spent - one.missing
        if more > 0:
            # what a refund has taken meanwhile is not there: a rule never leads below zero, nor asks again later
            there = account.balance if set_aside else account.balance - account.held
            number = min(more, max(0, there))
            one.missing += more - number
            if number:
                self._write(one, claims.spending(one, number, renews=self.renews, set_aside=set_aside, at=self.at))
                self.happened.append(
                    PointsSpent(customer=customer, at=self.at, claim=one.pk, points=number, order=one.order)
                )
        elif more < 0:
            never_taken = min(one.missing, -more)
            one.missing -= never_taken
            if back := -more - never_taken:
                self._write(one, self._returning(one, back))
                self.happened.append(
                    PointsGivenBack(customer=customer, at=self.at, claim=one.pk, points=back, order=one.order)
                )

    def _returning(self, one: Claim, number: int) -> Posting:
        """Return the entry that gives points back, what was taken last first, to where they came from."""
        back = _last(self.taken.get(one.pk, []), number, spent=one.spent)
        return Posting(
            key=claims.entry_key(one, one.postings),
            customer=one.account.customer_id,
            points=number,
            kind=Kind.RETURN,
            breakdown={"claim": one.pk, "reward": one.reward.name, "about": one.order},
            source=f"{claims.SOURCE}{one.reward_id}",
            gives_back={lot.pk: part for lot, part in back},
            joins=self.renews[1],
            at=self.at,
        )

    def _write(self, one: Claim, posting: Posting) -> None:
        self.book.write(posting)
        one.spent -= posting.points
        one.postings += 1


def _last(away: Sequence[tuple[Lot, int]], number: int, *, spent: int) -> list[tuple[Lot, int]]:
    """Return which lots so many points come back to: those without an end first, then what was taken last."""
    rest = number - min(number, spent - sum(n for _, n in away))
    back = []
    for lot, n in reversed(away):
        if part := min(n, rest):
            back.append((lot, part))
            rest -= part
    return back


def _away(entries: Sequence[tuple[int, Mapping[int, int]]], lots: Mapping[int, Lot]) -> list[tuple[Lot, int]]:
    """Return which lots a claim's points are from now. ``entries``: points of each and what it took, oldest first.

    What came back counts as back, also where a debt ate it and no lot has it.
    """
    away: dict[int, int] = defaultdict(int)
    spent = 0
    for points, taken in entries:
        if points < 0:
            for lot, n in taken.items():
                away[lot] += n
        else:
            for one, n in _last(_in_turn(away, lots), points, spent=spent):
                away[one.pk] -= n
        spent -= points
    return _in_turn(away, lots)


def _in_turn(away: Mapping[int, int], lots: Mapping[int, Lot]) -> list[tuple[Lot, int]]:
    return sorted(((lots[lot], n) for lot, n in away.items() if n > 0), key=lambda pair: _turn(pair[0]))


def _use(one: Claim, family: Family) -> Redemption | None:
    """Return the use that the claim pays for: that of its own order, else the first."""
    own = next((use for use in family.uses if use.order == one.order), None)
    return own or next(iter(family.uses), None)


def _turn(lot: Lot) -> tuple[Any, int]:
    return lot.expires_at, lot.pk


def _columns(one: Claim) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in WRITTEN)
