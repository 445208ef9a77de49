"""What who brought a friend has of it: the difference between what is due and what stands, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q

from campaigns.models import Coupon, Offer
from campaigns.services import coupons
from campaigns.services.coupons import Wish
from loyalty.facts import PointsAwarded, PointsTakenBack, ReferralRewarded
from loyalty.models import Entry, Referral, ReferralTerms
from loyalty.services import points, programmes
from loyalty.services.points import Posting
from retention.conf import conf as ground
from retention.facts import FactData
from retention.services import facts

SOURCE = "referral"
State = Referral.State


class Allowance:
    """How many rewards each of some customers may still have: by the shop's month, and ever. One query."""

    def __init__(self, referrers: Collection[int], terms: ReferralTerms | None, *, at: datetime) -> None:
        self.terms = terms
        month = month_of(at)
        rows = Referral.objects.filter(referrer__in=referrers, state=State.REWARDED).order_by()
        counted = rows.values_list("referrer").annotate(
            month=Count("pk", filter=Q(rewarded_at__gte=month)), ever=Count("pk")
        )
        self.had = {referrer: (in_month, ever) for referrer, in_month, ever in counted}

    def take(self, referrer: int) -> Mapping[str, Any] | None:
        """Count one more reward. Returns the limit that stops it, as the ledger keeps it; None where none does."""
        in_month, ever = self.had.get(referrer, (0, 0))
        if self.terms is not None:
            for limit, most, had in (
                ("ever", self.terms.most_ever, ever),
                ("month", self.terms.most_per_month, in_month),
            ):
                if most is not None and had >= most:
                    return {"limit": limit, "most": most}
        self.had[referrer] = (in_month + 1, ever + 1)
        return None


def month_of(at: datetime) -> datetime:
    """Return when the month of the shop's calendar began, UTC."""
    local = at.astimezone(ZoneInfo(ground.TIME_ZONE or settings.TIME_ZONE))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(at.tzinfo)


def level(referrals: Collection[Referral], caps: Mapping[int, Mapping[str, Any]], *, at: datetime) -> None:
    """Bring points and coupons of these referrals, which are locked, to what their states say.

    ``caps``: referral id → the limit that has just stopped it, which the ledger notes with 0 points.
    """
    happened: list[FactData] = []
    end, renews = programmes.end_of(at)
    postings = []
    for one in referrals:
        assert one.referrer_id is not None  # who has none is never rewarded
        due = one.points if one.state == State.REWARDED else 0
        if due == one.stands and one.pk not in caps:
            continue
        more = due - one.stands
        postings.append(
            Posting(
                key=f"referral:{one.pk}:{one.postings}",
                customer=one.referrer_id,
                points=more,
                kind=_kind(more),
                breakdown={"referral": one.pk, **({"stopped": one.points, **caps[one.pk]} if one.pk in caps else {})},
                source=SOURCE,
                expires_at=end if more > 0 else None,
                renews_until=end if more > 0 and renews else None,
                at=at,
            )
        )
        if more > 0:
            happened.append(PointsAwarded(customer=one.referrer_id, at=at, points=more))
        elif more < 0:
            happened.append(PointsTakenBack(customer=one.referrer_id, at=at, points=-more))
        one.stands = due
        one.postings += 1
    points.post(postings, at=at)
    _level_coupons(referrals, at=at)
    for one in referrals:
        if one.state == State.REWARDED and one.rewarded_at is None:
            one.rewarded_at = at
            happened.append(
                ReferralRewarded(
                    customer=one.referrer_id, at=at, referral=one.pk, points=one.stands, coupon=one.coupon_id
                )
            )
    facts.publish(happened)


def _kind(more: int) -> Entry.Kind:
    if more == 0:
        return Entry.Kind.CAPPED
    return Entry.Kind.REVERSAL if more < 0 else Entry.Kind.GRANT


def bind(referrals: Iterable[Referral]) -> None:
    """Make the coupons that came with the link those of the friends, whom we know by now."""
    friends = {one.friend_coupon_id: one.friend for one in referrals if one.friend_coupon_id and one.friend}
    found = list(Coupon.objects.filter(pk__in=friends, customer=None)) if friends else []
    for coupon in found:
        coupon.customer = friends[coupon.pk]
    Coupon.objects.bulk_update(found, ["customer"])


def _level_coupons(referrals: Collection[Referral], *, at: datetime) -> None:
    wanted: dict[Offer, list[Referral]] = defaultdict(list)
    unwanted = []
    for one in referrals:
        if one.state == State.REWARDED and one.reward_offer is not None and one.coupon_id is None:
            wanted[one.reward_offer].append(one)
        elif one.state != State.REWARDED and one.coupon_id is not None:
            unwanted.append(one.coupon_id)
            one.coupon = None
            one.postings += 1
    for offer, ones in wanted.items():
        wishes = {one.pk: Wish(key=f"referral:{one.pk}:{one.postings}", customer=one.referrer_id) for one in ones}
        issued = coupons.issue_many(wishes.values(), offer=offer, source=SOURCE, at=at).coupons
        for one in ones:
            one.coupon = issued.get(wishes[one.pk].key)
    if unwanted:
        coupons.void(Coupon.objects.filter(pk__in=unwanted), reason="the friend's order did not last", at=at)
