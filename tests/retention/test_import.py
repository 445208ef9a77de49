"""Taking in what the shop did before us: as many queries for old shops as for young ones, resumable, and quiet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, Fact, Job, Message, Order, Signal
from retention.services import drain, imports
from retention.shop import CustomerData, LineData
from retention.testing.settling import settle
from tests.retention.ground import LIVE, happened
from tests.retention.shop import NOON, LocalShop

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BATCH = 50


class Stopped(Exception):
    """What ends an import in the middle, as Ctrl-C does."""


def fill(shop: LocalShop, first: int, count: int, *users: Any) -> None:
    """Give the shop orders of before it went live: one a minute, of members and guests, some refunded."""
    for number in range(first, first + count):
        member = users[number % len(users)] if users and number % 2 else None
        owner = {"user_id": member.pk, "email": member.email} if member else {"email": f"guest{number}@example.com"}
        shop.place(
            f"A{number}",
            **owner,
            placed_at=LIVE - 100 * DAY + number * MINUTE,
            lines=tuple(LineData(reference=str(line), product=f"P{line}") for line in range(1 + number % 3)),
        )
        if number % 10 == 0:
            shop.refund(f"A{number}", "1.00")


def states() -> list[tuple[str, int]]:
    return list(Job.objects.values_list("state", "done"))


def test_everything_is_taken_in_and_all_of_it_is_history(shop: LocalShop, user: Any) -> None:
    fill(shop, 0, 120, user("ada@example.com"))
    job = imports.take_in_shop(at=NOON, batch=BATCH)
    assert (job.state, job.done) == ("done", 120)
    assert Order.objects.filter(history=True).count() == 120
    assert Customer.objects.filter(kind="guest").count() == 60
    assert Customer.objects.get(kind="member").orders_count == 60
    assert set(Fact.objects.filter(kind="retention.OrderPlaced").values_list("payload__history", flat=True)) == {True}


def test_the_queries_of_a_thousand_orders_do_not_grow_with_the_history(shop: LocalShop, user: Any) -> None:
    users = [user(f"member{number}@example.com", joined=True) for number in range(5)]
    cost = []
    for first in range(0, 2000, 400):
        fill(shop, first, 400, *users)
        Job.objects.update(state=Job.State.RUNNING)  # goes on with what is new
        with CaptureQueriesContext(connection) as queries:
            imports.take_in_shop(at=NOON, batch=BATCH)
        # the order of the very last instant is read again, in a batch that the first round did not have
        cost.append(len(queries) - (0 if first == 0 else _again(shop)))
    assert Order.objects.count() == 2000
    assert len(set(cost)) == 1, cost
