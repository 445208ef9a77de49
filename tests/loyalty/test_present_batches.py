"""A thousand customers' orders take as many queries as a hundred's: gifts, challenges, giving; won and undone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import Cause, Contribution, Participation, Present
from loyalty.services import causes, challenges, gifts, giving, verifying
from retention.models import Customer, Order, OrderLine
from retention.testing.clock import Clock
from tests.loyalty.gifts import challenge, offer, plan
from tests.loyalty.till import START

pytestmark = pytest.mark.postgres


def book(count: int, clock: Clock, *, prefix: str) -> tuple[list[int], list[str]]:
    """Write two paid orders with a line each of ``count`` members. Returns customers and references."""
    people = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{prefix}{number}@example.com", created_at=clock.now)
        for number in range(count)
    )
    orders = Order.objects.bulk_create(
        Order(
            reference=f"{prefix}{number}", number=f"{prefix}{number}", customer=people[number % count], currency="EUR",
            items_minor=4000, total_minor=4000, placed_at=clock.now, paid_at=clock.now, first_seen_at=clock.now,
            read_at=clock.now,
        )
        for number in range(2 * count)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, reference="1", product=f"p{number // count}", amount_minor=4000)
        for number, order in enumerate(orders)
    )
    return [person.pk for person in people], [order.reference for order in orders]


def queries(work: Callable[..., Any], *given: Any, **more: Any) -> int:
    with CaptureQueriesContext(connection) as seen:
        work(*given, **more)
    return len(seen)


def test_gifts(clock: Clock, db: None) -> None:
    plan(2, points=5)
    plan(2, thing="A postcard", name="Card")
    plan(2, offer=offer(), name="Cup")
    gifts.settle(book(100, clock, prefix="first")[0], at=clock.now)  # what an offer needs in the shop, once
    (few, _), (many, _) = book(100, clock, prefix="few"), book(1000, clock, prefix="many")
    given = queries(gifts.settle, few, at=clock.now), queries(gifts.settle, many, at=clock.now)
    again = queries(gifts.settle, few, at=clock.now), queries(gifts.settle, many, at=clock.now)
    assert Present.objects.given().count() == 3 * 1200
    Order.objects.exclude(reference__startswith="first").update(cancelled_at=clock.now)
    undone = queries(gifts.settle, few, at=clock.now), queries(gifts.settle, many, at=clock.now)
    assert Present.objects.standing().count() == 3 * 100
    assert given[0] == given[1]
    assert again[0] == again[1] <= 9
    assert undone[0] == undone[1]
    assert list(verifying.differences()) == []


def test_challenges(clock: Clock, db: None) -> None:
    challenge(clock, automatic=True, goal="products", target=2)
    asked = {"condition": "campaigns.nth_order", "parameters": {"n": 1}}
    challenge(clock, automatic=True, target=1, gives="coupon", offer=offer(), **asked)
    challenges.settle(book(100, clock, prefix="first")[0], at=clock.now)  # what an offer needs in the shop, once
    (few, _), (many, _) = book(100, clock, prefix="few"), book(1000, clock, prefix="many")
    won = queries(challenges.settle, few, at=clock.now), queries(challenges.settle, many, at=clock.now)
    again = queries(challenges.settle, few, at=clock.now), queries(challenges.settle, many, at=clock.now)
    assert Participation.objects.filter(state="won").count() == 2 * 1200
    Order.objects.exclude(reference__startswith="first").update(cancelled_at=clock.now)
    undone = queries(challenges.settle, few, at=clock.now), queries(challenges.settle, many, at=clock.now)
    assert Present.objects.standing().count() == 2 * 100
    assert won[0] == won[1]
    assert again[0] == again[1] <= 16
    assert undone[0] == undone[1]
    assert list(verifying.differences()) == []


def test_giving(clock: Clock, db: None) -> None:
    causes.pledge(Cause.objects.create(name="Forest"), currency="EUR", at=START, amount_minor=50)
    (_, few), (_, many) = book(100, clock, prefix="few"), book(1000, clock, prefix="many")
    given = queries(giving.settle, few, at=clock.now), queries(giving.settle, many, at=clock.now)
    again = queries(giving.settle, few, at=clock.now), queries(giving.settle, many, at=clock.now)
    assert Contribution.objects.filter(amount_minor=50).count() == 2200
    assert given[0] == given[1] <= 9
    assert again[0] == again[1] <= 7


def test_a_shop_without_any_of_it_pays_next_to_nothing(clock: Clock, db: None) -> None:
    people, orders = book(100, clock, prefix="few")
    assert queries(gifts.settle, people, at=clock.now) == 1
    assert queries(giving.settle, orders, at=clock.now) == 1
    assert queries(challenges.settle, people, at=clock.now) == 2
