"""A log of orders and refunds in CSV: looked at whole, then played in the order in which things happened."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection

from retention.log_file import HEADS
from retention.models import Customer, Fact, Job, Message, Order, Refund
from retention.services import customers, logs, persons
from tests.retention.shop import NOON, LocalShop

HEAD = "seq,ts,type,event_id,order_id,document,customer_id,country,amount\n"

pytestmark = pytest.mark.django_db


class Stopped(Exception):
    """What ends an import in the middle."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a file."""

    def write(text: str | bytes, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def take_in(path: Path, *options: str) -> list[str]:
    """Take a log in and return what is said."""
    out = StringIO()
    call_command("retention_import", str(path), *options, stdout=out)
    return out.getvalue().splitlines()


def rows() -> list[tuple[str, int, int]]:
    """Return number, total and refunded sum of each order."""
    return list(Order.objects.order_by("placed_at", "pk").values_list("number", "total_minor", "refunded_minor"))


GOOD = (
    "1,2025-01-01 08:00:00,order,A,A,A,17,United Kingdom,139.12\n"
    "2,2025-01-02 08:00:00,order,B,B,B,,France,50\n"
    "3,2025-01-03 08:00:00,refund,C1/A,A,C1,17,,39.12\n"
    "4,2025-01-04 08:00:00,refund,C2/-,,C2,18,,5.00\n"
    "5,2025-01-05 08:00:00,order,D,D,D,17,EIRE,10.00\n"
)


def test_a_log_is_taken_in_as_it_is(write: Any) -> None:
    said = take_in(write(HEAD + GOOD))
    assert said[:6] == [
        "The log has 5 lines.",
        "It goes from 2025-01-01 08:00 to 2025-01-05 08:00, UTC.",
        "Lines that name no currency are taken to be in GBP.",
        "Orders: 3 (£199.12).",
        "Refunds of orders: 1 (£39.12).",
        "Refunds that name no order: 1 (£5.00). They are counted here and belong to none.",
    ]
    assert said[6:] == [
        "Customers with an order: 1; orders of guests: 1.", "4 of 4 lines", "Done: 4 lines."
    ]  # fmt: skip
    assert rows() == [("A", 13912, 3912), ("B", 5000, 0), ("D", 1000, 0)]
    first = Order.objects.get(number="A")
    assert (first.placed_at, first.paid_at, first.items_minor) == (
        datetime(2025, 1, 1, 8, tzinfo=UTC), datetime(2025, 1, 1, 8, tzinfo=UTC), 13912
    )  # fmt: skip
    assert (first.history, first.final, first.log, first.country) == (True, True, "log", "GB")
    one = Customer.objects.get(kind="import")
    assert (one.source, one.number, one.orders_count, one.user) == ("log", "17", 2, None)
    assert Refund.objects.get().at == datetime(2025, 1, 3, 8, tzinfo=UTC)
    assert Customer.objects.filter(kind="guest").count() == 1


def test_nobody_is_written_to_because_of_it(write: Any) -> None:
    take_in(write(HEAD + GOOD))
    assert (Message.objects.count(), mail.outbox) == (0, [])
    placed = Fact.objects.filter(kind="retention.OrderPlaced")
    assert set(placed.values_list("payload__history", flat=True)) == {True}


def test_a_preview_writes_nothing(write: Any) -> None:
    said = take_in(write(HEAD + GOOD + "6,x,order,E,E,E,1,,1\n"), "--preview")
    assert said[-1] == "Line 7: the time is not written as 2026-03-10 12:00:00."
    assert (Order.objects.count(), Customer.objects.count(), Job.objects.count()) == (0, 0, 0)


def test_a_packed_log_is_the_same(write: Any) -> None:
    take_in(write(gzip.compress((HEAD + GOOD).encode()), "log.csv.gz"))
    assert len(rows()) == 3


def test_the_same_log_again_changes_nothing(write: Any) -> None:
    path = write(HEAD + GOOD)
    take_in(path)
    before = [list(model.objects.order_by("pk").values()) for model in (Order, Customer, Refund, Fact)]
    take_in(path)
    assert [list(model.objects.order_by("pk").values()) for model in (Order, Customer, Refund, Fact)] == before
    assert list(Job.objects.values_list("state", "done", "total")) == [("done", 4, 4)]


def test_a_longer_log_of_the_same_shop_brings_what_is_new(write: Any) -> None:
    take_in(write(HEAD + GOOD))
    more = "6,2025-02-01,refund,C3/B,B,C3,,,50.00\n7,2025-02-02,order,E,E,E,19,,1.00\n"
    take_in(write(HEAD + GOOD + more, "later.csv"))
    assert rows() == [("A", 13912, 3912), ("B", 5000, 5000), ("D", 1000, 0), ("E", 100, 0)]
    take_in(write(HEAD + "8,2025-02-03,refund,C4/D,D,C4,17,,2.50\n", "last.csv"))
    assert rows()[2] == ("D", 1000, 250)


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_stopped_and_started_again_it_goes_on_where_it_was(write: Any, batches: int) -> None:
    path = write(HEAD + GOOD)
    how: dict[str, Any] = {"name": "log", "orders_only": False, "at": NOON}
    seen: list[int] = []

    def stop(job: Job) -> None:
        seen.append(job.done)
        if len(seen) == batches:
            raise Stopped

    with logs.looked_at(path, currency="GBP", **how) as (stand, _), pytest.raises(Stopped):
        logs.take_in(stand, path, batch=1, progress=stop, **how)
    assert list(Job.objects.values_list("state", "done")) == [("running", batches)]
    seen.clear()
    with logs.looked_at(path, currency="GBP", **how) as (stand, _):
        job = logs.take_in(stand, path, batch=1, progress=lambda job: seen.append(job.done), **how)
    assert (job.state, job.done, len(seen)) == ("done", 4, 4 - batches)
    assert rows() == [("A", 13912, 3912), ("B", 5000, 0), ("D", 1000, 0)]
    assert Fact.objects.filter(kind="retention.OrderPlaced").count() == 3


def test_two_who_take_it_in_at_once_take_it_in_once(write: Any) -> None:
    path = write(HEAD + GOOD)
    how: dict[str, Any] = {"name": "log", "orders_only": False, "at": NOON}

    def other(job: Job) -> None:
        if job.done == 1:
            with logs.looked_at(path, currency="GBP", **how) as (stand, _):
                logs.take_in(stand, path, batch=2, **how)

    with logs.looked_at(path, currency="GBP", **how) as (stand, _):
        job = logs.take_in(stand, path, batch=1, progress=other, **how)
    assert (job.state, job.done) == ("done", 4)
    assert rows() == [("A", 13912, 3912), ("B", 5000, 0), ("D", 1000, 0)]


def test_a_log_may_be_in_any_order(write: Any) -> None:
    head, *lines = (HEAD + GOOD).splitlines(keepends=True)
    take_in(write(head + "".join(reversed(lines))), "--batch=1")
    assert rows() == [("A", 13912, 3912), ("B", 5000, 0), ("D", 1000, 0)]
    kinds = Fact.objects.filter(kind__in=("retention.OrderPlaced", "retention.OrderRefunded")).order_by("pk")
    assert [(kind.removeprefix("retention.Order"), order) for kind, order in kinds.values_list("kind", "payload__order")
            ] == [("Placed", "A"), ("Placed", "B"), ("Refunded", "A"), ("Placed", "D")]  # fmt: skip


def test_a_refund_is_a_fact_of_its_own_time(write: Any) -> None:
    take_in(write(HEAD + GOOD))
    refunded = Fact.objects.get(kind="retention.OrderRefunded")
    assert refunded.happened_at == datetime(2025, 1, 3, 8, tzinfo=UTC)


def test_without_refunds_where_only_orders_are_asked_for(write: Any) -> None:
    said = take_in(write(HEAD + GOOD), "--orders-only")
    assert "Refunds left aside, as asked: 2." in said
    assert rows() == [("A", 13912, 0), ("B", 5000, 0), ("D", 1000, 0)]


def test_columns_may_be_fewer_more_and_elsewhere(write: Any) -> None:
    path = write(
        "amount;shipping;tax;date;order;kind;email;currency;color\n"
        "12,00;;;2025-01-01;A;order;;EUR;red\n"
        "12.00;2.00;1.60;2025-01-01T10:00:00+02:00;B;ORDER;Ada@Example.com;eur;\n"
    )
    said = take_in(path)
    assert "Line 2: an amount is not written as 1234.50." in said
    order = Order.objects.get()
    assert (order.currency, order.items_minor, order.shipping_minor, order.tax_minor) == ("EUR", 1000, 200, 160)
    assert order.placed_at == datetime(2025, 1, 1, 8, tzinfo=UTC)
    guest = order.customer
    assert (guest.kind, guest.email, guest.address_proven_at) == ("guest", "Ada@Example.com", None)


def test_yen_have_no_hundredths(write: Any) -> None:
    take_in(write("ts,type,order_id,amount\n2025-01-01,order,A,1500\n"), "--currency=jpy")
    assert list(Order.objects.values_list("currency", "total_minor")) == [("JPY", 1500)]


# Whose the orders are

PEOPLE = "ts,type,event_id,order_id,customer_id,email,amount\n"


def test_the_same_number_in_two_logs_is_two_people(write: Any) -> None:
    take_in(write(PEOPLE + "2025-01-01,order,A,A,17,,1\n"), "--name=north")
    take_in(write(PEOPLE + "2025-01-01,order,B,B,17,,1\n", "b.csv"), "--name=south")
    assert list(Customer.objects.order_by("source").values_list("source", "number", "orders_count")) == [
        ("north", "17", 1), ("south", "17", 1)
    ]  # fmt: skip


def test_an_account_gets_no_order_of_a_log_before_its_mailbox_is_proven(write: Any, user: Any) -> None:
    member = user("ada@example.com", joined=True).retention_customer
    take_in(
        write(
            PEOPLE + "2025-01-01,order,A,A,17,ada@example.com,1\n2025-01-02,order,B,B,,ada@example.com,2\n"
            "2025-01-03,order,C,C,18,bob@example.com,3\n"
        )
    )
    assert Order.objects.filter(customer=member).count() == 0
    assert Customer.objects.get(number="17").email == "ada@example.com"
    customers.prove_address(member, at=NOON)
    assert set(Order.objects.filter(customer=member).values_list("number", flat=True)) == {"A", "B"}
    take_in(write(PEOPLE + "2025-02-01,order,D,D,17,,1\n", "later.csv"))
    assert Order.objects.get(number="D").customer == member


def test_who_was_forgotten_is_not_brought_back(write: Any) -> None:
    path = write(PEOPLE + "2025-01-01,order,A,A,17,ada@example.com,1\n2025-01-02,order,B,B,,bea@example.com,1\n")
    take_in(path)
    for row in Customer.objects.all():
        persons.erase_person(row, at=NOON)
    take_in(path)
    take_in(write(path.read_text() + "2025-02-01,refund,R,B,,bea@example.com,1\n", "later.csv"))
    assert Customer.objects.exclude(email="", address="", number="").count() == 0
    assert Order.objects.exclude(email="").count() == 0
    assert rows() == [("A", 100, 0), ("B", 100, 100)]


def test_an_address_that_was_forgotten_does_not_come_back_beside_a_number(write: Any) -> None:
    persons.erase_person(customers.for_guest("ada@example.com", at=NOON), at=NOON)
    path = write(
        PEOPLE + "2025-01-01,order,A,A,17,Ada@example.com,1\n2025-01-02,order,B,B,18,bea@example.com,1\n"
        "2025-02-01,refund,R,A,17,ada@example.com,1\n"
    )
    for _again in range(2):
        take_in(path)
        assert list(Order.objects.order_by("number").values_list("number", "customer__number", "email")) == [
            ("A", "17", ""), ("B", "18", "bea@example.com"),
        ]  # fmt: skip
        assert Customer.objects.get(number="17").address == ""


def test_what_the_shop_has_itself_is_not_taken_from_a_log(write: Any, shop: LocalShop) -> None:
    shop.place("A", email="ada@example.com")
    call_command("retention_import", "--from-shop", stdout=StringIO())
    said = take_in(write(HEAD + GOOD))
    assert "Line 2: the shop itself has this order, and has the last word on it." in said
    assert "Line 4: the shop itself has this order, and has the last word on it." in said
    assert said[-1] == "Done: 2 lines. 2 were left out: mend them and take the log in again."
    assert Order.objects.get(reference="A").log == ""


# Bad input


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2025-01-01,sale,X,X,1,1.00", "the type is neither order nor refund"),
        ("2025-01-01,order,X,,1,1.00", "an order needs its id"),
        ("2025-01-01,refund,,A,1,1.00", "a refund needs an event_id of its own, or it could be taken in twice"),
        ("01/02/2025,order,X,X,1,1.00", "the time is not written as 2026-03-10 12:00:00"),
        ("2999-01-01,order,X,X,1,1.00", "the time lies in the future"),
        (
            "2025-01-01,order,X,X,1,-1.00",
            "an amount is below zero: what goes back is a line of type refund, without a minus",
        ),
        ("2025-01-01,order,X,X,1,lots", "an amount is not written as 1234.50"),
        ("2025-01-01,order,X,X,1,NaN", "an amount is not written as 1234.50"),
        ("2025-01-01,order,X,X,1,1e40", "an amount is larger than any shop's"),
        ("2025-01-01,order,X,X,1,", "an amount is not written as 1234.50"),
        (f"2025-01-01,order,X,{'X' * 129},1,1.00", "an id is longer than 128 letters"),
        (
            "2025-01-01,refund,X,Z,1,1.00",
            "it names an order that neither the log nor we have: take in the log of before first",
        ),
        ("2025-01-01,order,A,Y,1,1.00", "its event_id stands in line 2 already, with other content; that one counts"),
        ("2025-01-01,order,Y,A,1,1.00", "its order stands in line 2 already, as another event; that one counts"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_stops_nothing_that_is_good(write: Any, line: str, words: str) -> None:
    said = take_in(write(f"ts,type,event_id,order_id,customer_id,amount\n2025-01-01,order,A,A,1,5.00\n{line}\n"))
    assert f"Line 3: {words}." in said
    assert said[-1] == "Done: 1 lines. 1 were left out: mend them and take the log in again."
    assert rows() == [("A", 500, 0)]


def test_two_lines_that_say_the_same_are_one(write: Any) -> None:
    line = "2025-01-01,order,A,A,1,5.00\n"
    said = take_in(write(f"ts,type,event_id,order_id,customer_id,amount\n{line}{line}"))
    assert "Lines that stand in it twice, and count once: 1." in said
    assert rows() == [("A", 500, 0)]


def test_more_refunded_than_paid_counts_as_refunded_in_full(write: Any) -> None:
    head = "ts,type,event_id,order_id,customer_id,amount\n"
    said = take_in(write(f"{head}2025-01-01,order,A,A,1,5.00\n2025-01-02,refund,R,A,1,7.00\n"))
    assert "1 order (e.g. A) has more refunded than was paid: it counts as refunded in full." in said
    assert rows() == [("A", 500, 700)]
    assert (Order.objects.get().counts, Customer.objects.get().orders_count) == (False, 0)


def test_a_refund_that_is_dated_before_its_order_counts_from_the_order_on(write: Any) -> None:
    head = "ts,type,event_id,order_id,customer_id,amount\n"
    said = take_in(write(f"{head}2025-01-01,refund,R,A,1,2.00\n2025-01-02,order,A,A,1,5.00\n"), "--batch=1")
    assert "1 refund (e.g. of order A) is dated before its order: it counts from the order on." in said
    assert rows() == [("A", 500, 200)]


def test_a_refund_in_another_currency_than_its_order_is_left_out(write: Any) -> None:
    head = "ts,type,event_id,order_id,customer_id,amount,currency\n"
    path = write(f"{head}2025-01-01,order,A,A,1,5.00,EUR\n2025-01-02,refund,R,A,1,2.00,USD\n")
    assert "Line 3: its order is in EUR: a refund is in the currency of its order." in take_in(path)
    later = write(f"{head}2025-01-02,refund,R,A,1,2.00,USD\n", "later.csv")
    with pytest.raises(CommandError, match="no line that could be taken in"):
        take_in(later)


def test_what_was_taken_in_before_with_other_content_stays(write: Any) -> None:
    head = "ts,type,event_id,order_id,customer_id,amount\n"
    take_in(write(f"{head}2025-01-01,order,A,A,1,5.00\n2025-01-02,refund,R,A,1,2.00\n"))
    more = "2025-01-03,order,B,B,1,1.00\n"
    said = take_in(write(f"{head}2025-01-01,order,A,A,1,6.00\n2025-01-02,refund,R,A,1,3.00\n{more}", "other.csv"))
    assert "Line 2: this order was taken in before with other content, which stays." in said
    assert "Line 3: this refund was taken in before with another amount, which stays." in said
    assert rows() == [("A", 500, 200), ("B", 100, 0)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"a,b,c\n1,2,3\n", "missing: ts, type, order_id, amount"),
        ("ts,type,order_id,amount\n2025-01-01,order,Ä,1\n".encode("latin-1"), "is not in UTF-8"),
        (b'ts,type,order_id,amount\n2025-01-01,order,"A,1\n', "cannot be read as CSV"),
        pytest.param(gzip.compress(HEAD.encode() * 500)[:40], "The packed file is damaged", id="damaged"),
        (b"ts,type,order_id,amount\n", "no line that could be taken in"),
    ],
)
def test_a_file_that_is_no_log_is_refused_whole(write: Any, content: bytes, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        take_in(write(content))
    assert Job.objects.count() == 0


def test_what_to_take_in_has_to_be_said(tmp_path: Path) -> None:
    for words, why in (
        ([], "Name a log"), ([str(tmp_path / "none.csv")], "cannot be opened"),
        ([str(tmp_path / "none.csv"), "--from-shop"], "Name a log"),
        ([str(tmp_path / "none.csv"), "--currency=POUND"], "is no currency"),
        ([str(tmp_path / "none.csv"), f"--name={'x' * 41}"], "1 to 40 letters"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=why):
            call_command("retention_import", *words)


def test_no_sentence_about_a_line_repeats_what_stands_in_it(write: Any) -> None:
    head = "ts,type,event_id,order_id,customer_id,email,amount\n"
    said = take_in(write(f"{head}2025-01-01,order,A,A,1,ada at example.com,1\n2025-01-01,order,B,B,1,,1\n"))
    assert "Line 2: this is no e-mail address." in said
    assert "ada" not in "".join(said)


def test_each_column_of_the_how_to_is_read() -> None:
    text = Path("docs/how-to/import-a-log.md").read_text()
    assert [column for column, heads in HEADS.items() if f"`{heads[0]}`" not in text] == []


# Size


def lines(many: int) -> Iterator[str]:
    yield "ts,type,event_id,order_id,customer_id,amount\n"
    start = datetime(2024, 1, 1)  # noqa: DTZ001  (a log says no zone)
    for number in range(many):
        at = start + timedelta(minutes=number)
        yield f"{at},order,O{number},O{number},{number % 50},10.00\n"


def test_a_batch_costs_the_same_however_many_lines_there_are(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "tell", lambda at: None)
    path = write("".join(lines(600)))
    counted: list[int] = []
    count = 0

    def counting(execute: Callable[..., Any], *query: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*query)

    def progress(job: Job) -> None:
        nonlocal count
        counted.append(count)
        count = 0

    how: dict[str, Any] = {"name": "log", "orders_only": False, "at": NOON}
    with connection.execute_wrapper(counting), logs.looked_at(path, currency="GBP", **how) as (stand, _):
        logs.take_in(stand, path, batch=100, progress=progress, **how)
    assert len(counted) == 6
    assert len(set(counted[1:])) == 1, counted
