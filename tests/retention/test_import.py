"""Taking in what the shop did before us: at one price for old shops and young ones, resumable, and quiet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection

from retention.models import Customer, Fact, Job, Message, Order, Signal
from retention.services import drain, imports
from retention.shop import CustomerData, LineData
from retention.testing.settling import settle
from retention.watch import Watch
from tests.retention.ground import LIVE
from tests.retention.shop import NOON, LocalShop

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BATCH = 50


class Stopped(Exception):
    """What ends an import in the middle, as Ctrl-C does."""


def stop_after(batches: int) -> Callable[[Job], None]:
    """Return a progress that stops the import behind so many batches."""
    seen: list[int] = []

    def progress(job: Job) -> None:
        seen.append(job.done)
        if len(seen) == batches:
            raise Stopped

    return progress


@pytest.fixture
def accounts(shop: LocalShop, user: Any, monkeypatch: pytest.MonkeyPatch) -> list[CustomerData]:
    """Three accounts of before, which the shop lists; it does not say how old the last one is."""
    known = [
        CustomerData(user_id=made.pk, email=made.email, joined_at=joined)
        for made, joined in [
            (user("ada@example.com"), LIVE - 90 * DAY),
            (user("ben@example.com"), LIVE - 10 * DAY),
            (user("cleo@example.com"), None),
        ]
    ]
    monkeypatch.setattr(shop, "iter_customers", lambda since=None: iter(known))
    return known


def fill(shop: LocalShop, count: int, people: list[CustomerData]) -> None:
    """Give the shop orders of before it went live, one a minute: of members and guests, some refunded."""
    for number in range(count):
        person = people[number // 2 % len(people)]
        owner = (
            {"user_id": person.user_id, "email": person.email} if number % 2 else {"email": f"g{number}@example.com"}
        )
        shop.place(
            f"A{number}",
            **owner,
            placed_at=LIVE - 80 * DAY + number * MINUTE,
            lines=tuple(LineData(reference=str(line), product=f"P{line}") for line in range(1 + number % 2)),
        )
        if number % 10 == 0:
            shop.refund(f"A{number}", "1.00")


def placed() -> Counter[str]:
    """Return how often the log says that each order was placed."""
    return Counter(Fact.objects.filter(kind="retention.OrderPlaced").values_list("payload__order", flat=True))


def test_all_of_it_is_taken_in_as_history(shop: LocalShop, accounts: list[CustomerData]) -> None:
    fill(shop, 120, accounts)
    job = imports.take_in_shop(at=NOON, batch=BATCH)
    assert (job.state, job.done) == ("done", 120)
    assert list(Order.objects.values_list("history", flat=True)) == [True] * 120
    assert set(Fact.objects.filter(kind="retention.OrderPlaced").values_list("payload__history", flat=True)) == {True}
    assert Customer.objects.filter(kind="guest", orders_count=1).count() == 60
    assert list(Customer.objects.filter(kind="member").order_by("pk").values_list("email", "orders_count")) == [
        ("ada@example.com", 20),
        ("ben@example.com", 20),
        ("cleo@example.com", 20),
    ]


def test_a_batch_costs_the_same_however_many_orders_are_there(shop: LocalShop, accounts: list[CustomerData]) -> None:
    fill(shop, 2000, accounts)
    count, marks = 0, [0]

    def counting(execute: Callable[..., Any], *query: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*query)

    with connection.execute_wrapper(counting):
        imports.take_in_shop(at=NOON, batch=BATCH, progress=lambda job: marks.append(count))
    [_, *orders] = [after - before for before, after in pairwise(marks)]
    assert Order.objects.count() == 2000
    assert len(orders) == 40
    # with the first come the savepoints between accounts and orders
    assert set(orders[1:]) == {orders[-1]}, "queries a batch"


@pytest.mark.parametrize("batches", [1, 2, 3], ids=["in the accounts", "behind the first orders", "further on"])
def test_stopped_and_started_again_it_goes_on_where_it_was(
    shop: LocalShop, accounts: list[CustomerData], batches: int
) -> None:
    fill(shop, 120, accounts)
    with pytest.raises(Stopped):
        imports.take_in_shop(at=NOON, batch=BATCH, progress=stop_after(batches))
    done = (batches - 1) * BATCH
    assert list(Job.objects.values_list("state", "done")) == [("running", done)]
    assert Order.objects.count() == done

    shop.asked.clear()
    job = imports.take_in_shop(at=NOON + DAY, batch=BATCH)
    # nothing tells the order of those placed at the very instant of the stop, so that one is read again
    assert shop.asked[0][0] == f"A{max(done - 1, 0)}"
    assert sum(map(len, shop.asked)) == 120 - max(done - 1, 0)
    assert (job.state, job.done) == ("done", 120)
    assert placed() == Counter(f"A{number}" for number in range(120))
    assert Customer.objects.count() == 63


def test_stopped_in_the_middle_of_a_batch_it_loses_nothing(
    shop: LocalShop, accounts: list[CustomerData], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 120, accounts)
    whole = shop.get_orders

    def interrupted(references: Any) -> Any:
        if "A99" in references:
            raise KeyboardInterrupt
        return whole(references)

    monkeypatch.setattr(shop, "get_orders", interrupted)
    with pytest.raises(KeyboardInterrupt):
        imports.take_in_shop(at=NOON, batch=BATCH)
    assert list(Job.objects.values_list("state", "done")) == [("running", 50)]
    monkeypatch.undo()
    monkeypatch.setattr(shop, "iter_customers", lambda since=None: iter(()))
    assert imports.take_in_shop(at=NOON, batch=BATCH).done == 120
    assert placed() == Counter(f"A{number}" for number in range(120))


def test_orders_of_one_instant_across_a_stop_are_all_there_and_counted_once(shop: LocalShop) -> None:
    for number in range(60):
        shop.place(f"A{number}", placed_at=LIVE - DAY, email=f"g{number}@example.com")
    with pytest.raises(Stopped):
        imports.take_in_shop(at=NOON, batch=25, progress=stop_after(2))
    assert imports.take_in_shop(at=NOON, batch=25).done == 60
    assert placed() == Counter(f"A{number}" for number in range(60))


def test_a_second_import_reads_everything_again_and_changes_nothing(
    shop: LocalShop, accounts: list[CustomerData]
) -> None:
    fill(shop, 60, accounts)
    imports.take_in_shop(at=NOON, batch=BATCH)
    facts = Fact.objects.count()
    shop.asked.clear()
    job = imports.take_in_shop(at=NOON + DAY, batch=BATCH)
    assert sum(map(len, shop.asked)) == 60
    assert (job.state, job.done, job.started_at) == ("done", 60, NOON + DAY)
    assert Fact.objects.count() == facts
    assert Customer.objects.count() == 33


def test_an_order_that_cannot_be_read_does_not_hold_up_the_others(
    shop: LocalShop, accounts: list[CustomerData]
) -> None:
    fill(shop, 120, accounts)
    shop.broken = {"A7", "A61"}
    assert imports.take_in_shop(at=NOON, batch=BATCH).state == "done"
    assert Order.objects.count() == 118
    assert list(Signal.objects.order_by("pk").values_list("kind", "reference")) == [("import", "A7"), ("import", "A61")]
    shop.broken = set()
    drain.drain(at=NOON)
    assert placed() == Counter(f"A{number}" for number in range(120))
    assert set(Order.objects.values_list("history", flat=True)) == {True}


def test_an_account_that_cannot_be_taken_in_does_not_hold_up_the_others(
    shop: LocalShop, accounts: list[CustomerData]
) -> None:
    accounts.insert(1, CustomerData(user_id=987654, email="nobody@example.com"))
    assert imports.take_in_shop(at=NOON, batch=BATCH).state == "done"
    assert Customer.objects.count() == 3
    assert list(Signal.objects.values_list("kind", "reference")) == [("customer", "987654")]


def test_not_one_mail_goes_out(shop: LocalShop, accounts: list[CustomerData]) -> None:
    fill(shop, 60, accounts)
    imports.take_in_shop(at=NOON, batch=BATCH)
    settle(at=NOON)
    assert Message.objects.count() == 0
    assert mail.outbox == []


def test_an_account_whose_age_nobody_knows_is_no_news(
    shop: LocalShop, accounts: list[CustomerData], django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a shop whose user model does not say since when either
    monkeypatch.setattr(django_user_model, "date_joined", property(lambda user: None, lambda user, value: None))
    imports.take_in_shop(at=NOON, batch=BATCH)
    opened = Fact.objects.filter(kind="retention.AccountOpened").order_by("customer")
    assert list(opened.values_list("happened_at", "payload__history")) == [
        (LIVE - 90 * DAY, False),
        (LIVE - 10 * DAY, False),
        (NOON, True),
    ]


def test_an_old_account_that_is_first_seen_by_a_new_order_is_as_old_as_it_is(
    shop: LocalShop, user: Any, django_user_model: Any
) -> None:
    old = user("ada@example.com")
    django_user_model.objects.filter(pk=old.pk).update(date_joined=LIVE - 90 * DAY)
    shop.place("A1", user_id=old.pk, email=old.email, placed_at=NOON)
    imports.take_in_shop(at=NOON + MINUTE)
    fact = Fact.objects.get(kind="retention.AccountOpened")
    assert (fact.happened_at, fact.payload["history"]) == (LIVE - 90 * DAY, False)
    assert Customer.objects.get().joined_at == LIVE - 90 * DAY


def test_the_command_shows_how_far_it_has_come(shop: LocalShop, accounts: list[CustomerData]) -> None:
    fill(shop, 120, accounts)
    out = StringIO()
    call_command("retention_import", "--from-shop", "--batch=50", stdout=out)
    lines = [re.sub(r"[\d.]+ a second", "N a second", line) for line in out.getvalue().splitlines()]
    assert lines == [
        "3 customers",
        "50 orders, N a second",
        "100 orders, N a second",
        "120 orders, N a second",
        "Done: 120 orders.",
    ]


def test_the_command_started_again_shows_all_that_is_done(shop: LocalShop, accounts: list[CustomerData]) -> None:
    fill(shop, 120, accounts)
    with pytest.raises(Stopped):
        imports.take_in_shop(at=NOON, batch=BATCH, progress=stop_after(2))
    out = StringIO()
    call_command("retention_import", "--from-shop", "--batch=50", stdout=out)
    assert [line.partition(",")[0] for line in out.getvalue().splitlines()] == [
        "99 orders",
        "120 orders",
        "Done: 120 orders.",
    ]


def test_an_order_is_seen_when_its_batch_is_read_and_not_when_the_import_began(
    shop: LocalShop, accounts: list[CustomerData], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop, 2, accounts)
    came: list[int] = []
    monkeypatch.setattr(Watch, "now", lambda self: NOON + MINUTE * sum(came))
    imports.take_in_shop(at=NOON, batch=1, progress=lambda job: came.append(job.done))
    seen = Order.objects.order_by("placed_at").values_list("first_seen_at", "history")
    assert list(seen) == [(NOON, True), (NOON + MINUTE, True)]
