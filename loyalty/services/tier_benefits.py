"""Giving people what their tier gives: once on getting there, or for as long as they stand in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max

from campaigns.services import coupons
from campaigns.services.coupons import Wish
from loyalty.facts import TierChanged
from loyalty.models import Membership, Task, Tier, TierBenefit, TierGrant, TierTable
from loyalty.models.tier import Term, Window
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import points, standing_coupons, tier_times
from retention.locks import one_at_a_time
from retention.models import Customer

ONCE = (BenefitKind.COUPON, BenefitKind.POINTS, BenefitKind.TASK)
TASK = "tier"
"""The kind of the tasks for staff."""

SHIPPING = "tier"
"""The reason of the coupons that somebody has while they stand in a tier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gift:
    """A benefit that one customer is to get now."""

    benefit: TierBenefit
    customer: int
    number: int

    @property
    def key(self) -> str:
        return f"tier:{self.benefit.pk}:{self.customer}:{self.number}"


def welcome(moves: Sequence[TierChanged], *, at: datetime) -> int:
    """Give those who have come up into a tier what it gives on getting there. Returns how many things were given.

    Once a term: who falls and comes back within it has had it. What was given stays when the tier is lost. Who has
    left the tier again meanwhile gets nothing of it.
    """
    with one_at_a_time("loyalty.tier_benefits", wait=True):
        came = _arrivals(moves)
        if not came:
            return 0
        offered = defaultdict(list)
        rows = TierBenefit.objects.filter(tier__in=set(came.values()), tier__table__active=True, active=True)
        for benefit in rows.filter(kind__in=ONCE).select_related("tier__table", "offer").order_by("pk"):
            offered[benefit.tier_id].append(benefit)
        had = _had(came)
        gifts = []
        for customer, tier in sorted(came.items()):
            for benefit in offered[tier]:
                number, last = had.get((benefit.pk, customer), (0, None))
                if last is None or _again(benefit.tier.table, last, at=at):
                    gifts.append(_Gift(benefit=benefit, customer=customer, number=number + 1))
        return _give(gifts, at=at)


def _arrivals(moves: Sequence[TierChanged]) -> dict[int, int]:
    """Return customer → tier, for those who came up into it and still stand there."""
    tiers = {pk for move in moves for pk in (move.tier, move.old_tier) if pk}
    ranks = dict(Tier.objects.filter(pk__in=tiers).values_list("pk", "rank"))
    up = {
        (move.customer, move.tier)
        for move in moves
        if move.customer and move.tier in ranks and ranks[move.tier] > ranks.get(move.old_tier or 0, 0)
    }
    stand = Membership.objects.filter(customer__in={customer for customer, _ in up}, customer__erased_at=None)
    return {customer: tier for customer, tier in stand.values_list("customer", "tier") if (customer, tier) in up}


def _had(came: Mapping[int, int]) -> dict[tuple[int, int], tuple[int, datetime]]:
    """Return (benefit, customer) → how often they have had it, and when last."""
    rows = TierGrant.objects.filter(customer__in=came, benefit__tier__in=set(came.values())).order_by()
    sums = rows.values_list("benefit", "customer").annotate(times=Max("number"), last=Max("given_at"))
    return {(benefit, customer): (times, last) for benefit, customer, times, last in sums}


def _again(table: TierTable, last: datetime, *, at: datetime) -> bool:
    """Whether a benefit of a tier that was given at ``last`` is due again: one term later."""
    if table.term == Term.DAYS:
        return last <= at - timedelta(days=table.term_days or 0)
    if table.term == Term.YEAR or table.window == Window.CALENDAR:
        return last < tier_times.year_start(at)
    return table.window == Window.ROLLING and last <= at - timedelta(days=table.window_days)


def _give(gifts: Iterable[_Gift], *, at: datetime) -> int:
    by_benefit: dict[TierBenefit, list[_Gift]] = defaultdict(list)
    for gift in gifts:
        by_benefit[gift.benefit].append(gift)
    given: list[TierGrant] = []
    for benefit, some in by_benefit.items():
        if benefit.kind == BenefitKind.COUPON:
            given += _coupons(benefit, some, at=at)
        elif benefit.kind == BenefitKind.TASK:
            given += _tasks(benefit, some, at=at)
        else:
            given += _points(benefit, some, at=at)
    TierGrant.objects.bulk_create(given, batch_size=1000)
    return len(given)


def _row(gift: _Gift, *, at: datetime) -> TierGrant:
    return TierGrant(benefit=gift.benefit, customer_id=gift.customer, number=gift.number, given_at=at)


def _points(benefit: TierBenefit, gifts: Sequence[_Gift], *, at: datetime) -> list[TierGrant]:
    assert benefit.points is not None
    wishes = [(gift.key, gift.customer, "") for gift in gifts]
    points.grant(wishes, points=benefit.points, source=f"tier:{benefit.pk}", at=at)
    return [_row(gift, at=at) for gift in gifts]


def _coupons(benefit: TierBenefit, gifts: Sequence[_Gift], *, at: datetime) -> list[TierGrant]:
    """Give coupons; who gets none, since the offer is off or over, may get one when they come again."""
    assert benefit.offer is not None
    wishes = [Wish(key=gift.key, customer=gift.customer) for gift in gifts]
    issued = coupons.issue_many(wishes, offer=benefit.offer, source=f"tier:{benefit.pk}", at=at).coupons
    rows = []
    for gift in gifts:
        if gift.key in issued:
            row = _row(gift, at=at)
            row.coupon = issued[gift.key]
            rows.append(row)
    return rows


def _tasks(benefit: TierBenefit, gifts: Sequence[_Gift], *, at: datetime) -> list[TierGrant]:
    due = tier_times.day_end(at, days=benefit.due_days)
    Task.objects.bulk_create(
        [
            Task(
                key=gift.key,
                kind=TASK,
                customer_id=gift.customer,
                what=benefit.words,
                source=f"tier:{benefit.pk}",
                made_at=at,
                due_at=due,
            )
            for gift in gifts
        ],
        ignore_conflicts=True,
    )
    made = {task.key: task for task in Task.objects.filter(key__in=[gift.key for gift in gifts])}
    rows = []
    for gift in gifts:
        row = _row(gift, at=at)
        row.task = made[gift.key]
        rows.append(row)
    return rows


def settle_shipping(*, at: datetime, customers: Collection[int] | None = None) -> int:
    """Bring the coupons for free shipping to what the tiers give now. ``customers``: only these; None: everybody.

    Returns how many coupons changed.
    """
    stand = Membership.objects.filter(
        tier__table__active=True,
        tier__benefits__kind=BenefitKind.SHIPPING,
        tier__benefits__active=True,
        customer__erased_at=None,
    )
    if customers is not None:
        stand = stand.filter(customer__in=customers)
    wanted = dict(stand.values_list("customer", "tier__benefits__offer"))
    return standing_coupons.settle(SHIPPING, wanted, at=at, customers=customers)


def hand_over(guest: Customer, member: Customer) -> None:
    """Let what one customer has had of the tiers count as had by another, who is the same person."""
    had = TierGrant.objects.filter(customer=member).aggregate(most=Max("number"))["most"] or 0
    TierGrant.objects.filter(customer=guest).update(customer=member, number=F("number") + had)
