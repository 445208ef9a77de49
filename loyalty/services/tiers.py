"""Who stands in which tier: computed in SQL for all customers or for some, writing only rows that change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Subquery

from loyalty.facts import TierChanged
from loyalty.models import Membership, Tier, TierBenefit, TierMove, TierTable
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import absences, tier_fit, tier_standing, tier_times
from loyalty.services.tier_fit import Some
from loyalty.services.tier_rules import Rules
from loyalty.services.tier_standing import Standing
from retention.locks import one_at_a_time
from retention.models import Customer, Order
from retention.services import facts

DAY = timedelta(days=1)

UNSEEN = timedelta(minutes=1)
"""Orders seen for the first time so shortly before a computing may have been written after it had looked."""

WRITE = """
INSERT INTO {membership} AS m (customer_id, tier_id, last_tier_id, qualified_minor, since, held_until)
SELECT customer_id, tier_id, last_tier_id, minor,
       CASE WHEN COALESCE(tier_id, 0) = COALESCE(last_tier_id, 0) THEN COALESCE(last_since, %(at)s) ELSE %(at)s END,
       until
FROM fit
WHERE {changed}
ON CONFLICT (customer_id) DO UPDATE SET
    tier_id = excluded.tier_id, last_tier_id = excluded.last_tier_id,
    qualified_minor = excluded.qualified_minor, since = excluded.since, held_until = excluded.held_until,
    warned_for = CASE WHEN COALESCE(excluded.tier_id, 0) = COALESCE(m.tier_id, 0) THEN m.warned_for END
RETURNING customer_id, tier_id, last_tier_id, qualified_minor
"""

COUNT = "SELECT tier_id, COUNT(*) FROM fit GROUP BY tier_id"


def active() -> TierTable | None:
    """Return the table that is in force, None without one."""
    return TierTable.objects.filter(active=True).first()


def recompute(*, at: datetime, customers: Collection[int] | None = None) -> int:
    """Bring memberships to what customers have reached. ``customers``: only these; None: all.

    One at a time. Only rows that change are written, in one statement; moves become facts. Returns how many
    rows were written.
    """
    if customers is not None and not customers:
        return 0
    with one_at_a_time("loyalty.tiers", wait=True):
        table = active()
        if table is None:
            return 0
        at_least = max(at, table.computed_at or at)  # an old fact that is retried moves nobody back
        with connection.cursor() as cursor:
            cursor.execute(*tier_fit.statement(WRITE, Rules.of(table), at=at_least, some=Some(ids=customers)))
            rows = cursor.fetchall()
        if table.computed_at is None:  # tables take turns: put in force again, another begins anew, without news
            TierTable.objects.exclude(pk=table.pk).filter(computed_at__isnull=False).update(computed_at=None)
        _note_moves(rows, table, at=at_least, everybody=customers is None)
        if customers is None:
            TierTable.objects.filter(pk=table.pk).update(computed_at=at_least, stale=False)
    return len(rows)


def refresh(*, at: datetime) -> int:
    """Compute everybody where it is a day ago or the table has changed. Returns how many rows were written."""
    table = active()
    if table is None or not (table.stale or table.computed_at is None or table.computed_at <= at - DAY):
        return 0
    return recompute(at=at)


def count_fit(table: TierTable, *, at: datetime) -> dict[int | None, int]:
    """Return tier id (None: below the first) → how many members would stand in it today. Writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(*tier_fit.statement(COUNT, Rules.of(table), at=at))
        return dict(cursor.fetchall())


def standing(customer: Customer, *, at: datetime) -> Standing | None:
    """Return where a customer stands and what is missing to the next tier, None without a table in force."""
    table = active()
    return tier_standing.of(customer, table, at=at) if table is not None else None


def stands_in(user: int, name: str) -> bool:
    """Whether a user of the shop stands in the tier of that name, now or before, in whatever case, or above it."""
    named = Tier.objects.filter(table__active=True).called(name).values("rank")[:1]
    stands = Membership.objects.filter(customer__user=user, tier__table__active=True)
    return bool(stands.filter(tier__rank__gte=Subquery(named)).exists())


def multiplier_at(customers: Collection[int]) -> Mapping[int, Decimal]:
    """Return customer id → how many times the points their tier gives now; who gets no more than others is left out.

    One query.
    """
    rows = TierBenefit.objects.filter(
        kind=BenefitKind.MULTIPLIER,
        active=True,
        tier__table__active=True,
        tier__memberships__customer__in=customers,
    )
    found = rows.values_list("tier__memberships__customer", "multiplier")
    return {customer: multiplier for customer, multiplier in found if multiplier is not None}


def take_down(customer: Customer, *, at: datetime) -> Membership | None:
    """Let somebody who leaves the programme stand in no tier, inside the lock of tiers. Returns where they stood."""
    held = Membership.objects.filter(customer=customer).select_related("tier__table").first()
    Membership.objects.filter(customer=customer).delete()
    if held is None or held.tier is None or not held.tier.table.active:
        return None
    _note_one(customer, held.tier, None, held.qualified_minor, at=at)
    return held


def put_back(customer: Customer, tier: Tier, *, since: datetime, until: datetime | None, at: datetime) -> None:
    """Let somebody who came back in time stand where they stood, inside the lock of tiers, if that tier is in force."""
    if not tier.table.active:
        return
    Membership.objects.get_or_create(
        customer=customer, defaults={"tier": tier, "last_tier": tier, "since": since, "held_until": until}
    )
    _note_one(customer, None, tier, 0, at=at)


def hand_over(old: Customer, member: Customer) -> None:
    """Let a member stand where another row of the same person stood, with its term, where that is higher.

    It is no move: the next computing begins from there. Who has left the programme stands nowhere.
    """
    theirs = Membership.objects.filter(customer=old).select_related("tier__table").first()
    Membership.objects.filter(customer=old).delete()
    if theirs is None or theirs.tier is None or not theirs.tier.table.active or absences.out([member.pk]):
        return
    if Membership.objects.filter(
        customer=member, tier__table=theirs.tier.table, tier__rank__gte=theirs.tier.rank
    ).exists():
        return
    row = Membership(
        customer=member, tier=theirs.tier, last_tier=theirs.tier, since=theirs.since, held_until=theirs.held_until
    )
    Membership.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["customer"],
        update_fields=["tier", "last_tier", "since", "held_until"],
    )


def _note_one(customer: Customer, old: Tier | None, new: Tier | None, minor: int, *, at: datetime) -> None:
    """Write down that somebody left with their tier, or came back to it; for nobody is it news."""
    table = (old or new).table  # type: ignore[union-attr]  # one of them is there
    TierMove.objects.create(
        customer=customer,
        old_name=old.name if old else "",
        new_name=new.name if new else "",
        new_tier=new,
        metric=table.metric,
        qualified_minor=minor,
        currency=table.currency,
        at=at,
    )
    facts.publish(
        [
            TierChanged(
                customer=customer.pk,
                at=at,
                tier=new.pk if new else None,
                old_tier=old.pk if old else None,
                history=True,
            )
        ]
    )


def _note_moves(
    rows: Collection[tuple[int, int | None, int | None, int]], table: TierTable, *, at: datetime, everybody: bool
) -> None:
    """Write down who changed tier, and tell."""
    moves = [row for row in rows if row[1] != row[2]]
    if not moves:
        return
    names = dict(Tier.objects.filter(pk__in={pk for move in moves for pk in move[1:3] if pk}).values_list("pk", "name"))
    TierMove.objects.bulk_create(
        [
            TierMove(
                customer_id=customer,
                old_name=names[old] if old else "",
                new_name=names[new] if new else "",
                new_tier_id=new,
                metric=table.metric,
                qualified_minor=minor,
                currency=table.currency,
                at=at,
            )
            for customer, new, old, minor in moves
        ],
        batch_size=1000,
    )
    first = table.computed_at is None
    past = _from_the_past(table, None if everybody else [customer for customer, *_ in moves])
    facts.publish(
        TierChanged(customer=customer, at=at, tier=new, old_tier=old, history=first or customer in past)
        for customer, new, old, _ in moves
    )


def _from_the_past(table: TierTable, customers: Collection[int] | None) -> set[int]:
    """Return who of the customers (None: of all) has got old orders since everybody was computed.

    They move by these, and nothing has just happened.
    """
    since = table.computed_at - UNSEEN if table.computed_at else tier_times.EVER
    old = Order.objects.filter(history=True, first_seen_at__gt=since).order_by()
    if customers is not None:
        old = old.filter(customer__in=customers)
    return set(old.values_list("customer", flat=True).distinct())
