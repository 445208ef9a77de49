"""What a friend who was brought gives: the places within the limits, coupons, and points by ``referral_points``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from campaigns.models import Coupon, Offer
from campaigns.services import coupons
from campaigns.services.coupons import Wish
from loyalty.facts import ReferralRewarded
from loyalty.models import Referral, ReferralTerms
from loyalty.services import absences, referral_points
from retention.conf import conf as ground
from retention.services import facts

State = Referral.State


class Allowance:
    """The places within the limits of some customers: each reward that stands has one of its month, and one in all.

    A place that falls free in this batch is for the next one: rows are written together. One query.
    """

    def __init__(self, referrers: Collection[int], terms: ReferralTerms | None, *, at: datetime) -> None:
        self.terms, self.at = terms, at
        self.in_month: dict[tuple[int | None, date | None], set[int | None]] = defaultdict(set)
        self.ever: dict[int | None, set[int | None]] = defaultdict(set)
        held = Referral.objects.filter(referrer__in=referrers, slot_ever__isnull=False)
        for referrer, month, in_month, ever in held.values_list("referrer", "slot_month", "slot_in_month", "slot_ever"):
            self.in_month[referrer, month].add(in_month)
            self.ever[referrer].add(ever)

    def take(self, one: Referral) -> Mapping[str, Any] | None:
        """Give a referral its places. Returns the limit that stops it, as the ledger keeps it; None where none does.

        What was rewarded before and stands again is not stopped, and counts in its own month.
        """
        month = month_of(one.rewarded_at or self.at)
        in_month, ever = self.in_month[one.referrer_id, month], self.ever[one.referrer_id]
        if self.terms is not None and one.rewarded_at is None:
            for limit, most, had in (
                ("ever", self.terms.most_ever, ever),
                ("month", self.terms.most_per_month, in_month),
            ):
                if most is not None and len(had) >= most:
                    return {"limit": limit, "most": most}
        one.slot_month, one.slot_in_month, one.slot_ever = month, _free(in_month), _free(ever)
        in_month.add(one.slot_in_month)
        ever.add(one.slot_ever)
        return None


def _free(taken: Collection[int | None]) -> int:
    return next(number for number in count(1) if number not in taken)


def month_of(at: datetime) -> date:
    """Return the first day of the month of the shop's calendar."""
    return at.astimezone(ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE)).date().replace(day=1)


def level(referrals: Collection[Referral], caps: Mapping[int, Mapping[str, Any]], *, at: datetime) -> None:
    """Bring points and coupons of these referrals, which are locked, to what their states say.

    ``caps``: referral id → the limit that has just stopped it, which the ledger notes with 0 points.
    """
    _wait(_of_who_left(referrals))
    _wait(_level_coupons(referrals, at=at))
    happened = referral_points.level(referrals, caps, at=at)
    for one in referrals:
        if one.state == State.REWARDED and one.rewarded_at is None:
            one.rewarded_at = at
            happened.append(
                ReferralRewarded(
                    customer=one.referrer_id, at=at, referral=one.pk, points=one.stands, coupon=one.coupon_id
                )
            )
    facts.publish(happened)


def _of_who_left(referrals: Iterable[Referral]) -> list[Referral]:
    """Return those whose first reward is for somebody who is out of the programme."""
    fresh = [one for one in referrals if one.state == State.REWARDED and one.rewarded_at is None]
    out = absences.out({one.referrer_id for one in fresh if one.referrer_id}) if fresh else set()
    return [one for one in fresh if one.referrer_id in out]


def _wait(referrals: Iterable[Referral]) -> None:
    """Let these be tried again later; their places within the limits are free until then."""
    for one in referrals:
        one.state = State.WAITING
        one.slot_month = one.slot_in_month = one.slot_ever = None


def bind(referrals: Iterable[Referral]) -> None:
    """Make the coupons that came with the link those of the friends, whom we know by now."""
    friends = {one.friend_coupon_id: one.friend for one in referrals if one.friend_coupon_id and one.friend}
    found = list(Coupon.objects.filter(pk__in=friends, customer=None)) if friends else []
    for coupon in found:
        coupon.customer = friends[coupon.pk]
    Coupon.objects.bulk_update(found, ["customer"])


def _level_coupons(referrals: Collection[Referral], *, at: datetime) -> list[Referral]:
    """Issue and call off coupons. Returns those whose coupon is refused for now: the offer is off, or over."""
    wanted: dict[Offer, list[Referral]] = defaultdict(list)
    unwanted: dict[int, Referral] = {}
    refused: list[Referral] = []
    for one in referrals:
        if one.state == State.REWARDED and one.reward_offer is not None and one.coupon_id is None:
            wanted[one.reward_offer].append(one)
        elif one.state != State.REWARDED and one.coupon_id is not None:
            unwanted[one.coupon_id] = one
    for offer, ones in wanted.items():
        wishes = {one.pk: Wish(key=f"referral:{one.pk}:{one.postings}", customer=one.referrer_id) for one in ones}
        issued = coupons.issue_many(wishes.values(), offer=offer, source=referral_points.SOURCE, at=at).coupons
        for one in ones:
            one.coupon = issued.get(wishes[one.pk].key)
        refused += [one for one in ones if one.coupon is None]
    if unwanted:
        coupons.void(Coupon.objects.filter(pk__in=unwanted), reason="the friend's order did not last", at=at)
        # one that was used has been had: no other follows it when the order is on again
        for pk in Coupon.objects.filter(pk__in=unwanted, used=0).values_list("pk", flat=True):
            unwanted[pk].coupon = None
            unwanted[pk].postings += 1
    return refused
