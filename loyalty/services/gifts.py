"""Gifts on every so many orders: how many a customer should have, and bringing what stands to that.

The gifts of a customer are a function of their orders that count and of the versions of the plan, never of the order in
which facts arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from loyalty.locks import hold
from loyalty.models import GiftPlan, GiftProgress, GiftVersion, Present
from loyalty.services import absences, goods_back, presents, rounds
from loyalty.services.presents import Series, Wanted
from loyalty.services.rounds import Count, Counting, Placed
from retention.models import Customer, Order

READ = ["customer", "reference", "placed_at", "currency", "items_minor", "shipping_minor", "refunded_minor", "history"]
WRITTEN = ["orders", "towards", "every", "rounds", "standing", "counted_at"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A plan with all its versions, read once for a batch."""

    plan: GiftPlan
    versions: Mapping[int, GiftVersion]
    counting: Sequence[Counting]
    """What the versions say of counting."""

    def in_force(self, at: datetime) -> GiftVersion | None:
        """Return the version in force; None for a plan that has ended or not begun."""
        begun = (version for version in self.versions.values() if version.starts_at <= at)
        return next((version for version in begun if version.ends_at is None or at < version.ends_at), None)

    def count(self, orders: Sequence[Placed]) -> Count:
        return rounds.count(orders, self.counting, before=self.plan.count_before)


def known() -> list[Known]:
    """Return every plan with its versions. Two queries, none more where there is no plan."""
    versions: dict[int, dict[int, GiftVersion]] = defaultdict(dict)
    plans: dict[int, GiftPlan] = {}
    rows = GiftVersion.objects.select_related("plan", "offer").prefetch_related("minimums")
    for version in rows.order_by("plan", "starts_at", "pk"):
        versions[version.plan_id][version.pk] = version
        plans.setdefault(version.plan_id, version.plan)
    return [
        Known(plan=plan, versions=versions[pk], counting=[_counting(version) for version in versions[pk].values()])
        for pk, plan in sorted(plans.items())
    ]


def settle(customers: Collection[int], *, at: datetime) -> int:
    """Bring the gifts of these customers to what their orders are worth. Returns how many of their rows changed.

    Guests get none: their orders count once they belong to an account. The number of queries does not depend on the
    number of customers.
    """
    plans = known()
    people = _people(customers) if plans else []
    if not people:
        return 0
    with transaction.atomic():
        _enter(plans, people, at=at)
        # orders are read once the rows are held: who waited for them sees what the other has not seen
        held = hold(GiftProgress.objects.filter(plan__in=[one.plan.pk for one in plans], customer__in=people))
        orders = orders_of(people)
        counts = {
            (row.plan_id, row.customer_id): one.count(orders[row.customer_id])
            for one in plans
            for row in held
            if row.plan_id == one.plan.pk
        }
        standing = presents.settle(_series(plans, counts), at=at)
        changed = [
            row
            for row in held
            if _note(row, counts[row.plan_id, row.customer_id], standing[name(row.plan_id, row.customer_id)], at=at)
        ]
        GiftProgress.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
    return len(changed)


def settle_surplus(*, at: datetime, limit: int = 500) -> int:
    """Look again at who has more gifts than rounds and an unused coupon among them, e.g. out of a basket that lapsed.

    Returns how many rows changed.
    """
    unused = Present.objects.given().filter(
        coupon__used=0, coupon__replaced_by=None, customer=OuterRef("customer"), version__plan=OuterRef("plan")
    )
    more = GiftProgress.objects.filter(Exists(unused), standing__gt=F("rounds"))
    return settle(list(more.order_by("pk").values_list("customer", flat=True)[:limit]), at=at)


def orders_of(customers: Collection[int]) -> dict[int, list[Placed]]:
    """Return the orders that count of each customer: paid, neither cancelled nor paid back in full, and placed by who
    was in the programme then.

    One query, and two where some of them have refunds.
    """
    found: dict[int, list[Placed]] = defaultdict(list)
    rows = absences.without(Order.objects.counted().filter(customer__in=customers, paid_at__isnull=False))
    orders = list(rows.only(*READ))
    backs = goods_back.of(orders)
    for order in orders:
        found[order.customer_id].append(
            Placed(
                reference=order.reference,
                placed_at=order.placed_at,
                currency=order.currency,
                goods_minor=backs[order.pk].left_minor,
                history=order.history,
            )
        )
    return found


def name(plan: int, customer: int) -> str:
    """Return the series of a customer in a plan."""
    return f"gift:{plan}:{customer}"


def _counting(version: GiftVersion) -> Counting:
    return Counting(
        id=version.pk,
        every=version.every,
        minimums={row.currency: row.minimum_minor for row in version.minimums.all()},
        starts_at=version.starts_at,
        ends_at=version.ends_at,
    )


def _people(customers: Collection[int]) -> list[int]:
    rows = Customer.objects.living().filter(pk__in=customers, erased_at=None).exclude(kind=Customer.Kind.GUEST)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _enter(plans: Sequence[Known], people: Sequence[int], *, at: datetime) -> None:
    """Make a row for each customer and plan, to be locked; in one order, so that two batches do not wait crosswise."""
    there = set(GiftProgress.objects.filter(customer__in=people).values_list("plan", "customer"))
    GiftProgress.objects.bulk_create(
        [
            GiftProgress(plan=one.plan, customer_id=customer, counted_at=at)
            for one in plans
            for customer in people
            if (one.plan.pk, customer) not in there
        ],
        ignore_conflicts=True,
    )


def _series(plans: Sequence[Known], counts: Mapping[tuple[int, int], Count]) -> list[Series]:
    versions = {pk: version for one in plans for pk, version in one.versions.items()}
    return [
        Series(
            name=name(plan, customer),
            customer=customer,
            wanted=[_wanted(versions[one.version], one.order) for one in count.rounds],
        )
        for (plan, customer), count in counts.items()
    ]


def _wanted(version: GiftVersion, order: str) -> Wanted:
    return Wanted(
        gives=version.gives,
        offer=version.offer_id,
        points=version.points,
        thing=version.thing,
        version=version.pk,
        order=order,
    )


def _note(row: GiftProgress, count: Count, standing: int, *, at: datetime) -> bool:
    """Write the count down; return whether anything is new."""
    new = (count.orders, count.towards, count.every, len(count.rounds), standing)
    if new == (row.orders, row.towards, row.every, row.rounds, row.standing):
        return False
    row.orders, row.towards, row.every, row.rounds, row.standing = new
    row.counted_at = at
    return True
