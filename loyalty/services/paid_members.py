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

from campaigns.services import coupons
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
        rows = PaidMember.objects.filter(due_at__lte=at).order_by("due_at", "pk").select_related("plan", "customer")
        due = list(rows[: batch_size(limit)])
        if due:
            _look(due, at=at)
    return len(due)


def refresh(*, at: datetime) -> int:
    """Bring everybody's free shipping to what their plan says: the offer may have changed, or coupons run out.

    Returns how many coupons changed.
    """
    changed = 0
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
    first = []
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
                first.append(row)
        elif was is not None and not run:
            happened.append(PaidMembershipEnded(customer=row.customer_id, at=at, plan=row.plan_id))
    PaidMember.objects.bulk_update(due, ["since", "until", "due_at", "runs"], batch_size=500)
    _give_shipping(due, at=at)
    _give_gifts(first, at=at)
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


def _give_gifts(rows: list[PaidMember], *, at: datetime) -> None:
    """Give the gift on joining, once in a customer's life with a plan, whatever is refunded and bought again."""
    by_plan: dict[Plan, list[PaidMember]] = defaultdict(list)
    for row in rows:
        if row.plan.gift_id:
            by_plan[row.plan].append(row)
    for plan, some in by_plan.items():
        assert plan.gift is not None
        wishes = [Wish(key=f"membership:{plan.pk}:{row.customer_id}", customer=row.customer_id) for row in some]
        coupons.issue_many(wishes, offer=plan.gift, source=SOURCE, at=at)


def _reason(plan: int) -> str:
    return f"membership:{plan}"
