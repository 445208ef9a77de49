"""Refunds are written as payment events, as transactions, or as both: each counts once."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from oscar.core.loading import get_model

from retention.contrib.oscar import refunds
from retention.contrib.oscar.refunds import Entry
from retention.models import Signal
from retention.testing.contract.making import order
from tests.oscar.world import OscarWorld

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def entry(reference: str, amount: str, gateway: str = "") -> Entry:
    return Entry(reference=reference, amount=Decimal(amount), at=AT, gateway=gateway)


def merged(events: list[Entry], transactions: list[Entry]) -> list[tuple[str, str]]:
    return [(refund.reference, str(refund.amount)) for refund in refunds.merge(events, transactions)]


def test_an_event_and_a_transaction_of_one_refund_are_one() -> None:
    assert merged([entry("event:1", "5", "x")], [entry("transaction:1", "5", "x")]) == [("event:1", "5")]


def test_without_a_reference_the_amount_tells() -> None:
    assert merged([entry("event:1", "5")], [entry("transaction:1", "5", "x")]) == [("event:1", "5")]


def test_other_references_are_other_refunds() -> None:
    assert merged([entry("event:1", "5", "x")], [entry("transaction:1", "5", "y")]) == [
        ("event:1", "5"),
        ("transaction:1", "5"),
    ]


def test_two_refunds_of_the_same_amount_are_two() -> None:
    both = [entry("event:1", "5", "x"), entry("event:2", "5", "y")], [entry("transaction:1", "5", "y")]
    assert merged(*both) == [("event:1", "5"), ("event:2", "5")]


def test_the_right_twin_is_found_among_many() -> None:
    events = [entry("event:1", "5", "x"), entry("event:2", "5", "y")]
    transactions = [entry("transaction:1", "5"), entry("transaction:2", "5", "x"), entry("transaction:3", "5", "z")]
    assert merged(events, transactions) == [("event:1", "5"), ("event:2", "5"), ("transaction:3", "5")]


def test_types_are_known_by_the_setting_whatever_their_letter_case(settings: Any) -> None:
    assert refunds.is_refund("refunded")
    assert not refunds.is_refund("Settled")
    settings.RETENTION = {**settings.RETENTION, "REFUND_EVENTS": ["Gutschrift"]}
    assert refunds.is_refund("gutschrift")
    assert not refunds.is_refund("Refund")


def test_a_refund_of_some_lines_names_them(world: OscarWorld) -> None:
    reference = order(world, price="20.00")
    placed = world.order(reference)
    kind = get_model("order", "PaymentEventType").objects.create(name="Refund")
    event = placed.payment_events.create(event_type=kind, amount=Decimal("20.00"))
    line = placed.lines.get()
    event.line_quantities.create(line=line, quantity=1)
    [refund] = world.shop.get_orders([reference])[reference].refunds
    assert refund.reference == f"event:{event.pk}"
    assert refund.lines == ((str(line.pk), Decimal("20.00")),)


def test_more_may_be_refunded_than_was_paid_and_the_order_keeps_its_total(world: OscarWorld) -> None:
    reference = order(world, price="20.00")
    kind = get_model("payment", "SourceType").objects.create(name="Card")
    source = get_model("payment", "Source").objects.create(order=world.order(reference), source_type=kind)
    source.refund(Decimal("20.00"), reference="a")
    source.refund(Decimal("20.00"), reference="b")
    data = world.shop.get_orders([reference])[reference]
    assert [refund.amount for refund in data.refunds] == [Decimal("20.00"), Decimal("20.00")]
    assert data.total == Decimal("23.90")


def test_payments_and_refunds_are_signalled_by_their_rows(world: OscarWorld) -> None:
    reference = order(world)
    Signal.objects.all().delete()
    world.refund(reference, Decimal("1.00"))
    assert list(Signal.objects.order_by("pk").values_list("kind", "reference")) == [
        ("transaction", reference),
        ("payment_event", reference),
    ]
