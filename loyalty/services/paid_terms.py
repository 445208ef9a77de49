"""Terms of paid memberships: what stands of each order, who has it, and when it runs.

A function of the orders' facts and of what staff gave and ended, never of the order in which anything arrived. One
at a time: of two orders of one customer at once the second sees the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from loyalty.models import PaidMember, PaidTerm, Plan
from loyalty.services import paid_orders, paid_spans, plan_pauses
from loyalty.services.paid_orders import Bought
from loyalty.services.paid_spans import Piece
from retention.locks import one_at_a_time
from retention.models import Customer, Order, OrderLine
from retention.rows import batch_size

LOCK = "loyalty.paid_terms"

Pair = tuple[int, int]
"""Ids of customer and plan."""


class NotAMember(Exception):
    """A guest has no account, so there is nobody to give a membership to."""


class NoReason(Exception):
    """What staff give or end has a reason and an author."""


class Over(Exception):
    """The term has run out or was ended before."""


def settle(orders: Collection[str], *, at: datetime) -> int:
    """Bring the terms of these orders to what stands. Returns how many changed.

    Three queries at most where none of the orders has to do with a membership.
    """
    bought = paid_orders.of(orders)
    if not bought and not PaidTerm.objects.filter(order__in=orders).exists():
        return 0
    with one_at_a_time(LOCK, wait=True):
        # read again: whoever held the lock before may have changed it
        bought = paid_orders.of(orders)
        known = set(PaidTerm.objects.filter(order__in=orders).values_list("order", "product"))
        new = [one for one in bought if (one.order.reference, one.product) not in known]
        _enter([one for one in new if one.counts], at=at)
        return _settle(orders, {(one.order.reference, one.product): one for one in bought}, at=at)


def sweep(*, at: datetime, limit: int = 1000) -> int:
    """Settle paid orders with a plan's product that have no term: of before the plan was made. Returns how many.

    Those placed while it was off have none and get none.
    """
    plans = list(Plan.objects.filter(active=True).exclude(product="").order_by("pk"))
    pauses = plan_pauses.of([plan.pk for plan in plans])
    found: list[str] = []
    for plan in plans:
        has = PaidTerm.objects.filter(order=OuterRef("reference"), product=plan.product)
        rows = Order.objects.filter(Exists(OrderLine.objects.filter(order=OuterRef("pk"), product=plan.product)))
        rows = rows.filter(paid_at__isnull=False).exclude(Exists(has)).exclude(plan_pauses.within(pauses[plan.pk]))
        if not plan.count_history:
            rows = rows.filter(history=False)
        found += rows.order_by("pk").values_list("reference", flat=True)[: batch_size(limit)]
    return settle(found, at=at) if found else 0


def grant(customer: Customer, plan: Plan, *, months: int, reason: str, author: str, key: str, at: datetime) -> bool:
    """Give a membership for some months, from the end of what runs. False for a form that was sent before.

    Raises NotAMember, NoReason, ValueError for fewer than one month.
    """
    reason, author = reason.strip(), author.strip()
    if not reason or not author:
        raise NoReason
    if months < 1:
        raise ValueError(f"{months} months cannot be given.")
    with one_at_a_time(LOCK, wait=True):
        # whoever held the lock before may have joined them with another row, or forgotten them
        living = Customer.objects.living().filter(pk=customer.pk, erased_at=None)
        if not living.exclude(kind=Customer.Kind.GUEST).exists():
            raise NotAMember
        _, made = PaidTerm.objects.get_or_create(
            key=f"grant:{key}",
            defaults={
                "plan": plan,
                "customer": customer,
                "months": months,
                "multiplier": plan.multiplier,
                "ready_at": at,
                "reason": reason[:200],
                "author": author[:150],
                "made_at": at,
            },
        )
        if made:
            _lay({(customer.pk, plan.pk)}, at=at)
    return made


def end(term: PaidTerm, *, reason: str, author: str, at: datetime) -> None:
    """End a term now, and those of the same customer and plan that would follow it. Raises NoReason, Over.

    What the order paid is the shop's to give back.
    """
    reason, author = reason.strip(), author.strip()
    if not reason or not author:
        raise NoReason
    with one_at_a_time(LOCK, wait=True):
        mine = PaidTerm.objects.filter(customer=term.customer_id, plan=term.plan_id, ended_at=None)
        this = mine.filter(pk=term.pk, ends_at__gt=at).first()
        if this is None:
            raise Over
        mine.filter(Q(pk=this.pk) | Q(starts_at__gte=this.ends_at)).update(
            ended_at=at, ended_reason=reason[:200], ended_by=author[:150]
        )
        _lay({(term.customer_id, term.plan_id)}, at=at)


def hand_over(old: Customer, new: Customer, *, at: datetime) -> None:
    """Make what an imported customer has of memberships the member's; a guest's waits, and follows its order."""
    if old.kind == Customer.Kind.GUEST:
        return
    with one_at_a_time(LOCK, wait=True):
        plans = set(PaidTerm.objects.filter(customer=old).values_list("plan", flat=True))
        PaidTerm.objects.filter(customer=old).update(customer=new)
        known = {row.plan_id: row for row in PaidMember.objects.filter(customer=new)}
        theirs = list(PaidMember.objects.filter(customer=old))
        for row in theirs:
            mine = known.setdefault(row.plan_id, row)
            mine.runs, mine.gift_due_id = max(mine.runs, row.runs), mine.gift_due_id or row.gift_due_id
            mine.told_until = max(filter(None, (mine.told_until, row.told_until)), default=None)
            if mine.since is None:
                mine.since, mine.until = row.since, row.until
            mine.customer = new
        kept = [row.pk for row in known.values()]
        PaidMember.objects.filter(pk__in=[row.pk for row in theirs]).exclude(pk__in=kept).delete()
        PaidMember.objects.bulk_update(
            known.values(), ["customer", "runs", "gift_due", "told_until", "since", "until"], batch_size=500
        )
        _lay({(new.pk, plan) for plan in plans}, at=at)


def _enter(bought: Iterable[Bought], *, at: datetime) -> None:
    """Make a row for what was bought and has none."""
    PaidTerm.objects.bulk_create(
        [
            PaidTerm(
                key=one.key,
                plan=one.plan,
                customer=one.order.customer,
                order=one.order.reference,
                product=one.product,
                bought=one.pieces,
                units=0,
                months=one.plan.months,
                multiplier=one.plan.multiplier,
                currency=one.order.currency,
                ready_at=one.ready_at() if one.is_members else None,
                made_at=at,
            )
            for one in bought
        ],
        ignore_conflicts=True,
    )


def _settle(orders: Collection[str], bought: dict[tuple[str, str], Bought], *, at: datetime) -> int:
    """Write what stands of each order's terms, and lay out anew what changed."""
    pairs: set[Pair] = set()
    changed = []
    for term in PaidTerm.objects.filter(order__in=orders).select_related("customer"):
        one = bought.get((term.order, term.product))
        before = (term.units, term.bought, term.paid_minor, term.customer_id, term.ready_at)
        pairs.add((term.customer_id, term.plan_id))
        if one is None:
            term.units, term.paid_minor = 0, 0  # its line has gone from the order
        else:
            if one.is_members and term.customer.kind == Customer.Kind.GUEST:
                term.ready_at = max(at, one.ready_at()) if one.order.paid_at else None  # it has waited for an account
            elif not one.is_members:
                term.ready_at = None
            term.customer = one.order.customer
            term.bought, term.units, term.paid_minor = one.pieces, one.units, one.paid_minor
        if before == (term.units, term.bought, term.paid_minor, term.customer_id, term.ready_at):
            continue
        pairs.add((term.customer_id, term.plan_id))
        changed.append(term)
    # a term that is gone does not run: the constraint looks at each row as it is written
    for term in changed:
        if not term.units:
            term.starts_at = term.ends_at = None
    PaidTerm.objects.bulk_update(
        changed, ["units", "bought", "paid_minor", "customer", "ready_at", "starts_at", "ends_at"], batch_size=500
    )
    if changed:
        _lay(pairs, at=at)
    return len(changed)


def _lay(pairs: Collection[Pair], *, at: datetime) -> None:
    """Write when the terms of these customers and plans run, where that changed; and have their benefits looked at."""
    terms = PaidTerm.objects.filter(_of(pairs)).order_by("pk")
    by_pair: dict[Pair, list[PaidTerm]] = {}
    for term in terms:
        by_pair.setdefault((term.customer_id, term.plan_id), []).append(term)
    changed = []
    for some in by_pair.values():
        spans = paid_spans.lay(
            Piece(name=term.key, months=term.months * term.units, ready_at=term.ready_at, ended_at=term.ended_at)
            for term in some
            if term.ready_at is not None
        )
        for term in some:
            span = spans.get(term.key)
            new = (span.starts_at, span.ends_at, span.renews) if span else (None, None, False)
            if new != (term.starts_at, term.ends_at, term.renews):
                term.starts_at, term.ends_at, term.renews = new
                changed.append(term)
    PaidTerm.objects.bulk_update(changed, ["starts_at", "ends_at", "renews"], batch_size=500)
    running = {(term.customer_id, term.plan_id) for term in terms if term.ends_at}
    PaidMember.objects.bulk_create(
        [PaidMember(customer_id=customer, plan_id=plan) for customer, plan in sorted(running)], ignore_conflicts=True
    )
    PaidMember.objects.filter(_of(pairs)).filter(Q(due_at=None) | Q(due_at__gt=at)).update(due_at=at)


def _of(pairs: Iterable[Pair]) -> Q:
    """Match rows of these customers and plans."""
    plans: dict[int, set[int]] = {}
    for customer, plan in pairs:
        plans.setdefault(plan, set()).add(customer)
    found = Q(pk__in=[])
    for plan, customers in plans.items():
        found |= Q(plan=plan, customer__in=customers)
    return found
