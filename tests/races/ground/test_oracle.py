"""Orders that are placed, paid, refunded and cancelled while many signal and several read."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from retention import registry
from retention.facts import OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderReinstated
from retention.models import Customer, Fact, Order, Refund, Signal, Spend
from retention.registry import Recorded
from retention.services import drain, facts, inbox
from tests.races.together import all_well, together
from tests.retention.shop import NOON, LocalShop

pytestmark = pytest.mark.django_db(transaction=True)

TELLERS, READERS = 6, 2
MINUTE = timedelta(minutes=1)


@dataclass
class Plan:
    """What happens to one order; it knows nothing of ours."""

    reference: str
    email: str
    currency: str
    total: int
    paid: datetime | None = None
    refunds: list[int] = field(default_factory=list)
    cancelled: datetime | None = None

    @property
    def counts(self) -> bool:
        return self.cancelled is None and sum(self.refunds) < self.total


def live(shop: LocalShop, random: Random, number: int) -> tuple[Plan, list[Callable[[], None]]]:
    """Return an order's plan and the steps of its life, in their order."""
    plan = Plan(
        reference=f"A{number}",
        email=f"a{random.randint(1, 40)}@example.com",
        currency=random.choice(["EUR", "EUR", "USD"]),
        total=random.randint(1000, 9000),
    )
    placed = NOON + number * MINUTE

    def place() -> None:
        shop.place(
            plan.reference,
            email=plan.email,
            currency=plan.currency,
            total=Decimal(plan.total) / 100,
            placed_at=placed,
        )

    def pay() -> None:
        plan.paid = placed + MINUTE
        shop.change(plan.reference, paid_at=plan.paid)

    def refund() -> None:
        left = plan.total - sum(plan.refunds)
        if left:
            plan.refunds.append(left if random.random() < 0.3 else random.randint(1, left))
            shop.refund(plan.reference, str(Decimal(plan.refunds[-1]) / 100))

    def cancel() -> None:
        plan.cancelled = placed + 2 * MINUTE
        shop.change(plan.reference, cancelled_at=plan.cancelled)

    def reinstate() -> None:
        plan.cancelled = None
        shop.change(plan.reference, cancelled_at=None)

    steps = [pay, refund, refund, cancel, reinstate, refund]
    return plan, [place, *[step for step in steps if random.random() < 0.5]]


def play(shop: LocalShop, orders: int) -> list[Plan]:
    """Let them all live at once, each event signalled one to five times, in any order, while others read."""
    random = Random(53)
    lives = [live(shop, random, number) for number in range(orders)]
    over = threading.Event()
    left = threading.Semaphore(0)

    def teller(number: int) -> Callable[[], None]:
        mine = lives[number::TELLERS]
        own = Random(number)

        def run() -> None:
            try:
                late: list[str] = []
                waiting = [(plan, list(steps)) for plan, steps in mine]
                while waiting:
                    plan, steps = waiting[own.randrange(len(waiting))]
                    steps.pop(0)()
                    late += [plan.reference] * own.randint(1, 5)
                    own.shuffle(late)
                    while len(late) > 20:
                        inbox.record(kind="test", reference=late.pop())
                    waiting = [(plan, steps) for plan, steps in waiting if steps]
                for reference in late:
                    inbox.record(kind="test", reference=reference)
            finally:
                left.release()

        return run

    def read(number: int) -> Callable[[], None]:
        def run() -> None:
            at = NOON + timedelta(days=2)
            while True:
                last = over.is_set()
                drain.drain(at=at, limit=60)
                facts.number()
                facts.dispatch(at=at)
                if last:
                    return

        return run

    def bell() -> None:
        for _ in range(TELLERS):
            left.acquire()
        over.set()

    all_well(together(*map(teller, range(TELLERS)), *map(read, range(READERS)), bell))
    at = NOON + timedelta(days=2)
    while drain.drain(at=at):
        pass
    facts.number()
    facts.dispatch(at=at)
    return [plan for plan, _ in lives]


class Ledger:
    """A subscriber that posts the difference between what an order should stand at and what it does."""

    def __init__(self) -> None:
        self.stands: dict[str, int] = defaultdict(int)
        kinds = (OrderPlaced, OrderPaid, OrderCancelled, OrderReinstated, OrderRefunded)
        registry.subscribe("test.ledger", *kinds, does="posts differences", handle=self.handle)

    def handle(self, batch: list[Recorded]) -> None:
        for order in Order.objects.filter(reference__in={fact.data.order for fact in batch}):  # type: ignore[attr-defined]
            self.stands[order.reference] = order.net_minor if order.paid_at else 0


def check(plans: list[Plan], ledger: Ledger) -> None:
    rows = {row.reference: row for row in Order.objects.select_related("customer")}
    assert rows.keys() == {plan.reference for plan in plans}
    spend: Counter[tuple[str, str]] = Counter()
    counted: Counter[str] = Counter()
    for plan in plans:
        row = rows[plan.reference]
        assert (row.total_minor, row.currency, row.customer.address) == (plan.total, plan.currency, plan.email)
        assert (row.paid_at, row.cancelled_at) == (plan.paid, plan.cancelled)
        assert row.refunded_minor == sum(plan.refunds)
        if plan.counts:
            counted[plan.email] += 1
            spend[plan.email, plan.currency] += plan.total - sum(plan.refunds)
        owed = plan.total - sum(plan.refunds) if plan.paid and not plan.cancelled else 0
        assert ledger.stands[plan.reference] == owed
    assert Counter(Refund.objects.values_list("order__reference", flat=True)) == Counter(
        {plan.reference: len(plan.refunds) for plan in plans if plan.refunds}
    )
    assert dict(Customer.objects.values_list("address", "orders_count")) == {
        plan.email: counted[plan.email] for plan in plans
    }
    nets: dict[tuple[str, str], int] = {
        (address, currency): net
        for address, currency, net in Spend.objects.values_list("customer__address", "currency", "net_minor")
    }
    assert {key: net for key, net in nets.items() if net} == {key: net for key, net in spend.items() if net}
    assert Signal.objects.exclude(outcome="read").count() == 0
    told: dict[str, list[Any]] = defaultdict(list)
    for fact in Fact.objects.order_by("pk"):
        told[fact.payload["order"]].append((fact.kind.partition(".")[2], fact.payload))
    for plan in plans:
        kinds = Counter(kind for kind, _ in told[plan.reference])
        assert kinds["OrderPlaced"] == 1
        assert kinds["OrderPaid"] == (1 if plan.paid else 0)
        assert kinds["OrderCancelled"] - kinds["OrderReinstated"] == (1 if plan.cancelled else 0)
        refunded = [payload["refunded_minor"] for kind, payload in told[plan.reference] if kind == "OrderRefunded"]
        assert (refunded or [0])[-1] == sum(plan.refunds)


def test_three_hundred_orders_end_as_an_oracle_says(shop: LocalShop) -> None:
    ledger = Ledger()
    check(play(shop, 300), ledger)


@pytest.mark.faults
def test_two_thousand_orders_end_as_an_oracle_says(shop: LocalShop) -> None:
    ledger = Ledger()
    check(play(shop, 2000), ledger)
