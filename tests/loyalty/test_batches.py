"""A batch of 1,000 orders takes as many queries as one of 100."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import CapTally, Entry, Programme
from loyalty.services import awards, rules, verifying
from retention.models import Customer, Order, OrderLine, Refund
from retention.testing.clock import Clock
from tests.loyalty.till import START, start, table


def book(count: int, clock: Clock, *, prefix: str) -> list[str]:
    """Write paid orders of ``count`` members straight into the projection. Returns their references."""
    people = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{prefix}{number}@example.com", created_at=clock.now)
        for number in range(count)
    )
    orders = Order.objects.bulk_create(
        Order(
            reference=f"{prefix}{number}", number=f"{prefix}{number}", customer=person, currency="EUR",
            items_minor=4000, total_minor=4000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now,
            read_at=clock.now,
        )
        for number, person in enumerate(people)
    )  # fmt: skip
    return [order.reference for order in orders]


def settle(references: list[str], clock: Clock) -> int:
    """Return how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        awards.settle(dict.fromkeys(references, clock.now))
    return len(queries)


@pytest.mark.postgres
def test_a_thousand_orders_take_as_many_queries_as_a_hundred(clock: Clock, db: None) -> None:
    start(pending_days=14)
    few, many = book(100, clock, prefix="few"), book(1000, clock, prefix="many")
    awarded = settle(few, clock), settle(many, clock)
    for references in (few, many):
        Refund.objects.bulk_create(
            Refund(order=order, reference="r", amount_minor=1000, at=clock.now)
            for order in Order.objects.filter(reference__in=references)
        )
    clock.forward(days=1)
    refunded = settle(few, clock), settle(many, clock)
    clock.now += timedelta(days=14)
    opened = settle(few, clock), settle(many, clock)
    again = settle(few, clock), settle(many, clock)
    assert awarded == (19, 19)
    assert refunded == (17, 17)
    assert opened == (17, 17)
    assert again == (14, 14)  # of opened points it is asked what has ended unused
    assert Entry.objects.count() == 4 * 1100
    assert list(verifying.differences()) == []


@pytest.mark.postgres
def test_rules_and_limits_cost_as_many_queries_for_a_thousand_orders_as_for_a_hundred(clock: Clock, db: None) -> None:
    programme = start(cap_day=100, cap_month=150, cap_total=1000)
    table(("Gold", 1))
    several: list[dict[str, Any]] = [
        {"times": Decimal(2), "goods": "only", "products": ["tea"]},
        {"points": 9, "effect": "order", "when": "first"},
        {"times": Decimal(3), "when": "tier", "tier": "Gold"},
        {"points": 9, "effect": "piece", "when": "asked", "condition": "loyalty.has_points",
         "parameters": {"points": 1}},
    ]  # fmt: skip
    for said in several:
        rules.set_rule(programme, at=START, name="A rule", **said)
    few, many = book(100, clock, prefix="few"), book(1000, clock, prefix="many")
    OrderLine.objects.bulk_create(
        OrderLine(order=order, reference="1", product="tea", amount_minor=4000, list_minor=4000)
        for order in Order.objects.all()
    )
    counts = settle(few, clock), settle(many, clock)
    assert counts == (29, 29)
    assert CapTally.objects.filter(used=49).count() == 3 * 1100  # 40 doubled, and 9
    assert Programme.objects.count() == 1
    assert list(verifying.differences()) == []
