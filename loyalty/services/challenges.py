"""Challenges: who takes part, how far they are, and bringing their rewards to that.

How far somebody is follows from their orders that count and from the time they have, never from the order in which
facts arrived. While the time runs, and within the return window after it, what does not count any more is undone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from loyalty.locks import hold
from loyalty.models import Challenge, ChallengeGoods, Participation, Present
from loyalty.models.challenge import Span
from loyalty.services import absences, goals, goods_back, participants, presents
from loyalty.services.goals import Asked, Bought, Placed, Reached
from loyalty.services.presents import Series, Wanted
from retention.conf import conf as ground
from retention.models import Customer, Order, OrderLine
from retention.rows import batch_size

WRITTEN = ["state", "ends_at", "closes_at", "progress", "wins", "counted_at", "closed_at"]
READ = ["customer", "reference", "placed_at", "currency", "items_minor", "shipping_minor", "refunded_minor"]
State = Participation.State


def settle(customers: Collection[int], *, at: datetime) -> int:
    """Bring what these customers have reached, and their rewards, to what their orders say. Returns how many changed.

    Whoever orders within the time of a challenge that needs no joining begins to take part. The number of queries does
    not depend on the number of customers, only on that of challenges with a condition.
    """
    people = participants.people(customers)
    if not people or not _any(people):
        return 0
    with transaction.atomic():
        _enter(people, at=at)
        return _settle(Participation.objects.open().filter(customer__in=people), at=at)


def close(*, at: datetime, limit: int = 500) -> int:
    """Settle for the last time those whose return window has closed, and note whose time is up. Returns how many."""
    over = Participation.objects.open().filter(Q(closes_at__lte=at) | Q(ends_at__lte=at, state=State.RUNNING))
    done = 0
    while done < limit:
        some = list(over.order_by("pk").values_list("pk", flat=True)[: batch_size(limit - done)])
        if not some:
            break
        with transaction.atomic():
            _settle(Participation.objects.open().filter(pk__in=some), at=at)
        done += len(some)
    return done


def asked(challenge: Challenge) -> Asked:
    """Return what a challenge asks; its goods are read unless they were before."""
    goods: dict[str, set[str]] = defaultdict(set)
    for row in challenge.goods.all():
        goods[row.kind].add(row.reference)
    return Asked(
        goal=challenge.goal,
        target=challenge.target,
        currency=challenge.currency,
        products=frozenset(goods[ChallengeGoods.Kind.PRODUCT]),
        categories=frozenset(goods[ChallengeGoods.Kind.CATEGORY]),
    )


def standing(customer: Customer, rows: Sequence[Participation]) -> dict[int, int]:
    """Return challenge → what a customer has reached by their orders of now. Four queries at most."""
    if not rows:
        return {}
    orders = orders_of([customer.pk], since=min(row.starts_at for row in rows), lines=True)[customer.pk]
    return {row.challenge_id: _reached(row, orders)[0].progress for row in rows}


def orders_of(customers: Collection[int], *, since: datetime, lines: bool) -> dict[int, list[Placed]]:
    """Return the orders that count of each customer, with their lines where asked for. Four queries at most."""
    counted = Order.objects.counted().filter(
        customer__in=customers, placed_at__gte=since, paid_at__isnull=False, history=False
    )
    rows = absences.without(counted)  # what is placed by who has left the programme leads nowhere
    orders = list(rows.only(*READ))
    backs = goods_back.of(orders)
    bought: dict[int, list[Bought]] = defaultdict(list)
    for line in OrderLine.objects.filter(order__in=rows.order_by().values("pk")).order_by("pk") if lines else ():
        back = backs.get(line.order_id)
        if back is None or back.is_gone(line):
            continue
        bought[line.order_id].append(
            Bought(product=line.product, categories=tuple(line.categories), amount_minor=back.left_of([line]))
        )
    found: dict[int, list[Placed]] = defaultdict(list)
    for order in orders:
        back = backs[order.pk]
        found[order.customer_id].append(
            Placed(
                reference=order.reference, placed_at=order.placed_at, currency=order.currency,
                goods_minor=back.goods_minor, refunded_minor=back.of_goods(), lines=tuple(bought[order.pk]),
            )
        )  # fmt: skip
    return found


def _any(people: Collection[int]) -> bool:
    """Whether anything is open for them at all: one query, so that a shop without challenges pays no more."""
    automatic = Q(automatic=True, active=True)
    open_for = Participation.objects.open().filter(customer__in=people)
    return Challenge.objects.filter(automatic | Q(participations__in=open_for)).exists()


def _enter(people: Collection[int], *, at: datetime) -> None:
    """Let those take part who have ordered within the time of a challenge that needs no joining."""
    automatic = list(Challenge.objects.filter(automatic=True, active=True, starts_at__lte=at).order_by("pk"))
    if not automatic:
        return
    there = set(
        Participation.objects.filter(challenge__in=automatic, customer__in=people).values_list("challenge", "customer")
    )
    counted = Order.objects.counted().filter(customer__in=people, paid_at__isnull=False, history=False)
    orders = absences.without(counted)
    placed: dict[int, list[datetime]] = defaultdict(list)
    since = min(challenge.starts_at for challenge in automatic)
    for customer, when in orders.filter(placed_at__gte=since).values_list("customer", "placed_at"):
        placed[customer].append(when)
    rows: list[Participation] = []
    for challenge in automatic:
        ordered = {
            customer
            for customer, times in placed.items()
            if (challenge.pk, customer) not in there and any(_within(challenge, when) for when in times)
        }
        if ordered and not _is_final(challenge, at=at):
            able = participants.eligible(challenge, ordered, at=at)
            rows += [participants.begin(challenge, customer, at=at) for customer in sorted(able)]
    Participation.objects.bulk_create(rows, ignore_conflicts=True)


def _within(challenge: Challenge, when: datetime) -> bool:
    return challenge.starts_at <= when and (challenge.ends_at is None or when < challenge.ends_at)


def _is_final(challenge: Challenge, *, at: datetime) -> bool:
    """Whether nobody can begin any more, since even a late order could not be returned in time."""
    if challenge.ends_at is None:
        return False
    days = challenge.return_days + (challenge.days or 0)
    return challenge.ends_at + timedelta(days=days) / ground.SPEED <= at


def _settle(rows: QuerySet[Participation], *, at: datetime) -> int:
    held = hold(rows)
    if not held:
        return 0
    goods = Prefetch("goods", ChallengeGoods.objects.order_by("pk"))
    challenges = Challenge.objects.prefetch_related(goods).in_bulk({row.challenge_id for row in held})
    for row in held:
        row.challenge = challenges[row.challenge_id]
    orders = orders_of(
        {row.customer_id for row in held},
        since=min(row.starts_at for row in held),
        lines=any(asked(challenge).needs_lines for challenge in challenges.values()),
    )
    found = {row.pk: _reached(row, orders[row.customer_id]) for row in held}
    wins = presents.settle([_series(row, found[row.pk][0]) for row in held], at=at)
    changed = [row for row in held if _note(row, *found[row.pk], wins=wins[name(row.pk)], at=at)]
    Participation.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
    return len(changed)


def _reached(row: Participation, orders: Iterable[Placed]) -> tuple[Reached, datetime | None]:
    """Return what somebody has reached within their time, and when that is over; None: it has not begun."""
    challenge = row.challenge
    mine = [order for order in orders if row.starts_at <= order.placed_at]
    ends_at = row.ends_at
    if challenge.span == Span.FIRST_ORDER:
        first = min((order.placed_at for order in mine if _within(challenge, order.placed_at)), default=None)
        ends_at = first + participants.span(challenge) if first else None
        mine = [order for order in mine if first is not None and order.placed_at >= first]
    mine = [order for order in mine if ends_at is not None and order.placed_at < ends_at]
    return goals.reached(mine, asked(challenge), most=challenge.most), ends_at


def name(participation: int) -> str:
    """Return the series of a participation."""
    return f"challenge:{participation}"


def _series(row: Participation, found: Reached) -> Series:
    challenge = row.challenge
    return Series(
        name=name(row.pk),
        customer=row.customer_id,
        wanted=[
            Wanted(
                gives=challenge.gives,
                offer=challenge.offer_id,
                points=challenge.points,
                participation=row.pk,
                order=order,
            )
            for order in found.orders
        ],
    )


def _note(row: Participation, found: Reached, ends_at: datetime | None, *, wins: int, at: datetime) -> bool:
    """Write down what was reached; return whether anything is new."""
    before = (row.state, row.ends_at, row.closes_at, row.progress, row.wins, row.closed_at)
    row.progress, row.wins, row.ends_at = found.progress, wins, ends_at
    row.closes_at = participants.closes_at(row.challenge, ends_at)
    over = ends_at is not None and ends_at <= at
    final = row.closes_at is not None and row.closes_at <= at
    row.state = State.WON if wins else State.MISSED if over or final else State.RUNNING
    row.closed_at = at if final else None
    if before == (row.state, row.ends_at, row.closes_at, row.progress, row.wins, row.closed_at):
        return False
    row.counted_at = at
    return True


def presents_of(rows: Iterable[Participation]) -> Mapping[int, list[Present]]:
    """Return participation → its presents that stand, with their coupons. One query."""
    found: dict[int, list[Present]] = defaultdict(list)
    standing = Present.objects.standing().filter(participation__in=[row.pk for row in rows])
    for present in standing.select_related("coupon", "offer").order_by("number"):
        if present.participation_id is not None:
            found[present.participation_id].append(present)
    return found
