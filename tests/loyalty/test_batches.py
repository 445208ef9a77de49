"""A batch of 1,000 orders takes as many queries as one of 100."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Entry
from loyalty.services import awards, verifying
from retention.models import Customer, Order, Refund
from retention.testing.clock import Clock
from tests.loyalty.till import start


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
    assert awarded == (17, 17)
    assert refunded == (15, 15)
    assert opened == (14, 14)
    assert again == (12, 12)  # of opened points it is asked what has ended unused
    assert Entry.objects.count() == 4 * 1100
    assert list(verifying.differences()) == []
