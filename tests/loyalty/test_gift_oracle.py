"""Whatever comes, however often and in whatever order: gifts equal those of an oracle that knows only the end.

And what was used stays, so that never more gifts were used or stand than the most that rounds and uses allow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Coupon
from loyalty.models import Present
from loyalty.services import gifts, rounds, verifying
from loyalty.services.rounds import Counting, Placed
from retention.models import Customer, Order
from retention.testing.clock import Clock
from tests.loyalty.gifts import offer, plan, promise
from tests.loyalty.till import START

SLOW = settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
EVENTS = st.tuples(st.sampled_from(["order", "order", "cancel", "reinstate", "refund", "use", "read", "swap"]),
                   st.integers(0, 40))  # fmt: skip


def people(count: int) -> list[Customer]:
    return [
        Customer.objects.create(kind="member", address=f"{number}@example.com", created_at=START)
        for number in range(count)
    ]


def place(customer: Customer, at: datetime) -> Order:
    number = Order.objects.count()
    return Order.objects.create(
        reference=f"A{number}", number=f"A{number}", customer=customer, currency="EUR", items_minor=4000,
        total_minor=4000, placed_at=at, paid_at=at, first_seen_at=at, read_at=at,
    )  # fmt: skip


def happen(what: str, number: int, owners: Sequence[Customer], clock: Clock) -> None:
    """Let something happen in the shop; nobody is told."""
    orders = list(Order.objects.order_by("pk"))
    if what == "order":
        # not in the order of their times, as a shop's late messages are not
        place(owners[number % len(owners)], clock.now + timedelta(hours=(number * 7) % 41))
    elif what == "read":
        gifts.settle([owners[number % len(owners)].pk], at=clock.now)
    elif what == "use":
        free = list(Coupon.objects.filter(used=0, state="issued").order_by("pk"))
        if free:
            Coupon.objects.filter(pk=free[number % len(free)].pk).update(used=1)
    elif orders:
        order = Order.objects.filter(pk=orders[number % len(orders)].pk)
        if what == "cancel":
            order.update(cancelled_at=clock.now)
        elif what == "reinstate":
            order.update(cancelled_at=None, refunded_minor=0)
        elif what == "refund":
            order.update(refunded_minor=4000)
        else:
            order.update(customer=owners[number % len(owners)])


def rounds_of(owner: Customer, every: int) -> int:
    """The oracle: how many orders count now, by N, rounded down."""
    counted = [order for order in Order.objects.filter(customer=owner) if order.counts]
    return len(counted) // every


@given(story=st.lists(EVENTS, min_size=5, max_size=40), every=st.integers(1, 4), random=st.randoms())
@SLOW
def test_gifts_follow_from_where_the_orders_ended(
    story: list[tuple[str, int]], every: int, random: Random, clock: Clock, db: None
) -> None:
    with transaction.atomic():
        plan(every, offer=offer())
        owners = people(2)
        for what, number in story:
            happen(what, number, owners, clock)
        ids = [owner.pk for owner in owners]
        random.shuffle(ids)
        for one in ids:
            gifts.settle([one], at=clock.now)
        for owner in owners:
            standing = Present.objects.standing().filter(customer=owner)
            used = standing.filter(coupon__used=1).count()
            wanted = rounds_of(owner, every)
            assert standing.count() == max(wanted, used)
            assert Coupon.objects.filter(customer=owner, state="issued").count() == max(wanted, used)
            numbers = list(standing.values_list("number", flat=True))
            assert len(set(numbers)) == len(numbers)
        before = list(Present.objects.order_by("pk").values_list("pk", "state"))
        gifts.settle(ids, at=clock.now)
        assert list(Present.objects.order_by("pk").values_list("pk", "state")) == before, "nothing is left to do"
        assert list(verifying.differences()) == []
        transaction.set_rollback(True)


DAY = timedelta(days=1)


@given(
    days=st.lists(st.integers(0, 60), max_size=40),
    changes=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 6)), min_size=1, max_size=4),
    random=st.randoms(),
)
@settings(derandomize=True, database=None, deadline=None, max_examples=200)
def test_rounds_do_not_depend_on_the_order_in_which_orders_come(
    days: list[int], changes: list[tuple[int, int]], random: Random
) -> None:
    starts = sorted({0, *(day for day, _ in changes)})
    versions = [
        Counting(id=number, every=changes[number % len(changes)][1], minimums={}, starts_at=START + day * DAY,
                 ends_at=START + starts[number + 1] * DAY if number + 1 < len(starts) else None)
        for number, day in enumerate(starts)
    ]  # fmt: skip
    orders = [
        Placed(reference=f"{number:03}", placed_at=START + day * DAY, currency="EUR", goods_minor=1)
        for number, day in enumerate(days)
    ]
    counted = rounds.count(orders, versions, before=False)
    shuffled: list[Any] = [*orders]
    random.shuffle(shuffled)
    assert rounds.count(shuffled, list(reversed(versions)), before=False) == counted
    every = {version.id: version.every for version in versions}
    in_rounds = sum(every[one.version] for one in counted.rounds)
    assert in_rounds + counted.towards == counted.orders == len(orders)
    assert counted.every is not None
    assert counted.towards < counted.every


def test_a_changed_plan_keeps_what_was_given(clock: Clock, db: None) -> None:
    made, [owner] = plan(1, points=5), people(1)
    place(owner, clock.now)
    gifts.settle([owner.pk], at=clock.now)
    promise(made, 100, at=clock.now + DAY, points=5)
    gifts.settle([owner.pk], at=clock.now + DAY)
    assert Present.objects.standing().count() == 1
