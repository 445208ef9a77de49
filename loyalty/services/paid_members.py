"""What a paying member has as long as they are one: brought to what the terms say, by a tick with a clock.

Terms may be settled late or by old facts; whether somebody is a member now is asked here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Max

from campaigns.models import Coupon, Offer
from campaigns.services import coupons, offers
from campaigns.services.coupons import Wish
from loyalty.facts import PaidMembershipBegan, PaidMembershipEnded
from loyalty.models import PaidMember, PaidTerm, Plan
from loyalty.services import standing_coupons
from loyalty.services.paid_terms import LOCK
from retention.facts import FactData
from retention.locks import one_at_a_time
from retention.models import Order
from retention.rows import batch_size
from retention.services import facts

SOURCE = "membership"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A time without a gap in which somebody is a member."""

    since: datetime
    until: datetime


def run_at(terms: Iterable[tuple[datetime, datetime]], *, at: datetime) -> Run | None:
    """Return the run that ``at`` lies in, of starts and ends of one customer's terms; None where there is none."""
    run: Run | None = None
    for starts_at, ends_at in sorted(terms):
        if run is not None and starts_at <= run.until:
            run = Run(since=run.since, until=max(run.until, ends_at))
        elif run is not None and run.until > at:
            break
        else:
            run = Run(since=starts_at, until=ends_at)
    return run if run is not None and run.since <= at < run.until else None


def run_of(terms: Iterable[PaidTerm], *, at: datetime) -> Run | None:
    """Return the run that ``at`` lies in, of one customer's terms of one plan."""
    return run_at(((term.starts_at, term.ends_at) for term in terms if term.starts_at and term.ends_at), at=at)


def look(*, at: datetime, limit: int = 1000) -> int:
    """Bring benefits of those who have become a member, or are none any more, to what is paid for. Returns how many."""
    with one_at_a_time(LOCK, wait=True):
        rows = PaidMember.objects.filter(due_at__lte=at).order_by("due_at", "pk")
        due = list(rows.select_related("plan", "customer", "gift_due")[: batch_size(limit)])
        if due:
            _look(due, at=at)
    return len(due)


def refresh(*, at: datetime) -> int:
    """Bring everybody's free shipping to what their plan says: the offer may have changed, or coupons run out.

    Gifts that could not be given on joining are given, once their offer is on. Returns how many coupons changed.
    """
    changed = _give_owed(at=at)
    for plan in Plan.objects.order_by("pk"):
        running = PaidMember.objects.filter(plan=plan, until__gt=at, customer__erased_at=None)
        wanted = dict.fromkeys(running.values_list("customer", flat=True), plan.free_shipping_id or 0)
        changed += standing_coupons.settle(_reason(plan.pk), wanted if plan.free_shipping_id else {}, at=at)
    return changed


def multipliers(customers: Collection[int], *, at: datetime) -> dict[int, Decimal]:
    """Return customer id → how many times the points an order placed then earns, for those who have more than once."""
    running = PaidTerm.objects.running(at=at).filter(customer__in=customers, multiplier__gt=1)
    return dict(running.order_by().values_list("customer").annotate(most=Max("multiplier")))


def _look(due: list[PaidMember], *, at: datetime) -> None:
    spans: dict[tuple[int, int], list[PaidTerm]] = defaultdict(list)
    terms = PaidTerm.objects.filter(
        customer__in={row.customer_id for row in due}, plan__in={row.plan_id for row in due}, ends_at__isnull=False
    )
    for term in terms:
        spans[term.customer_id, term.plan_id].append(term)
    old = _old(terms)
    happened: list[FactData] = []
    gone = []
    for row in due:
        mine = spans[row.customer_id, row.plan_id]
        run = None if row.customer.erased_at else run_of(mine, at=at)
        was, row.since, row.until = row.since, run.since if run else None, run.until if run else None
        coming = [term.starts_at for term in mine if term.starts_at is not None and term.starts_at > at]
        row.due_at = run.until if run else min(coming, default=None)
        history = all(term.order in old for term in mine)
        if run and was is None:
            row.runs += 1
            happened.append(PaidMembershipBegan(customer=row.customer_id, at=at, plan=row.plan_id, history=history))
            if row.runs == 1 and not history:
                row.gift_due = row.plan.gift
        elif was is not None and not run:
            happened.append(PaidMembershipEnded(customer=row.customer_id, at=at, plan=row.plan_id))
            gone.append(row)
    _take_gifts_back(gone, at=at)
    _give_gifts((row for row in due if row.until), at=at)
    PaidMember.objects.bulk_update(due, ["since", "until", "due_at", "runs", "gift_due"], batch_size=500)
    _give_shipping(due, at=at)
    facts.publish(happened)


def _old(terms: Iterable[PaidTerm]) -> set[str]:
    """Return which of these terms' orders are from before the shop went live: they begin nothing new."""
    orders = {term.order for term in terms} - {""}
    return set(Order.objects.filter(reference__in=orders, history=True).values_list("reference", flat=True))


def _give_shipping(rows: list[PaidMember], *, at: datetime) -> None:
    by_plan: dict[int, list[PaidMember]] = defaultdict(list)
    for row in rows:
        by_plan[row.plan_id].append(row)
    for plan, some in by_plan.items():
        wanted = {row.customer_id: row.plan.free_shipping_id for row in some if row.until and row.plan.free_shipping_id}
        standing_coupons.settle(_reason(plan), wanted, at=at, customers={row.customer_id for row in some})


def _give_gifts(rows: Iterable[PaidMember], *, at: datetime) -> int:
    """Give the gifts that are owed, as far as their offers give coupons. Returns how many; the rows are not saved."""
    by_offer: dict[Offer, list[PaidMember]] = defaultdict(list)
    for row in rows:
        if row.gift_due is not None:
            by_offer[row.gift_due].append(row)
    given = 0
    for offer, some in by_offer.items():
        wishes = {row.pk: Wish(key=_gift_key(row), customer=row.customer_id) for row in some}
        issued = coupons.issue_many(wishes.values(), offer=offer, source=SOURCE, at=at).coupons
        for row in some:
            if wishes[row.pk].key in issued:
                row.gift_due = None
                given += 1
    return given


def _gift_key(row: PaidMember) -> str:
    key = f"{SOURCE}:{row.plan_id}:{row.customer_id}"
    return key if row.runs < 2 else f"{key}:{row.runs}"  # the earlier one was called off, unused


def _give_owed(*, at: datetime, limit: int = 1000) -> int:
    """Give gifts that were refused when they were promised. Returns how many."""
    with one_at_a_time(LOCK, wait=True):
        owed = PaidMember.objects.filter(gift_due__isnull=False, until__gt=at, customer__erased_at=None)
        offered = Offer.objects.filter(pk__in=owed.values("gift_due"))
        good = [one.pk for one in offered if not offers.closed(one, at=at) and not one.first_order_only]
        rows = list(owed.filter(gift_due__in=good).select_related("gift_due").order_by("pk")[: batch_size(limit)])
        given = _give_gifts(rows, at=at)
        PaidMember.objects.bulk_update(rows, ["gift_due"], batch_size=500)
    return given


def _take_gifts_back(gone: Iterable[PaidMember], *, at: datetime) -> None:
    """Call off the unused gifts of those of whose membership nothing stands; they are owed if it begins again.

    Where it has run out, or staff ended it, the gift stays. The rows are not saved.
    """
    by_pair = {(row.customer_id, row.plan_id): row for row in gone}
    if not by_pair:
        return
    people = {customer for customer, _plan in by_pair}
    stands = set(PaidTerm.objects.filter(customer__in=people, units__gt=0).values_list("customer", "plan"))
    unused = Coupon.objects.outstanding(at=at).filter(source=SOURCE, used=0, customer__in=people).order_by("pk")
    rows = {}
    for coupon in unused:
        pair = (coupon.customer_id, int(coupon.key.split(":")[1]))
        if pair in by_pair and pair not in stands:
            rows[coupon.pk] = by_pair[pair]
    if not rows:
        return
    coupons.void(Coupon.objects.filter(pk__in=rows), reason="the membership was called off", at=at)
    # one that was used meanwhile has been had
    for coupon in Coupon.objects.filter(pk__in=rows, used=0).select_related("offer"):
        rows[coupon.pk].gift_due = coupon.offer


def _reason(plan: int) -> str:
    return f"membership:{plan}"
