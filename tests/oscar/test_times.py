"""When an order was paid, fulfilled, delivered, cancelled: from statuses that are the merchant's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retention.contrib.oscar import times
from retention.contrib.oscar.times import Change, Payment

PLACED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAPPING = {"Shipped": "fulfilled", "Complete": "delivered", "Cancelled": "cancelled", "Paid": "paid"}


@pytest.fixture(autouse=True)
def mapping(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "STATUS_TIMES": MAPPING, "PAID_EVENTS": ["Settled"]}


def day(number: int) -> datetime:
    return PLACED + timedelta(days=number)


def read(status: str, *changes: tuple[str, str, int], payments: tuple[tuple[str, int], ...] = ()) -> times.Times:
    return times.read(
        status=status,
        placed_at=PLACED,
        changes=[Change(old=old, new=new, at=day(at)) for old, new, at in changes],
        payments=[Payment(name=name, at=day(at)) for name, at in payments],
    )


def test_each_status_stamps_its_time() -> None:
    found = read("Complete", ("Pending", "Paid", 1), ("Paid", "Shipped", 2), ("Shipped", "Complete", 4))
    assert found.known == {"paid_at": day(1), "fulfilled_at": day(2), "delivered_at": day(4)}
    assert found.reached == frozenset()


def test_fulfilled_does_not_imply_paid() -> None:
    assert read("Shipped", ("Pending", "Shipped", 2)).known == {"fulfilled_at": day(2)}


def test_a_status_that_was_edited_without_history_holds_without_a_time() -> None:
    found = read("Complete")
    assert found.known == {}
    assert found.reached == {"delivered"}


def test_the_status_that_orders_begin_with_holds_from_the_beginning(settings: Any) -> None:
    settings.OSCAR_INITIAL_ORDER_STATUS = "Paid"
    assert read("Paid").known == {"paid_at": PLACED}
    assert read("Shipped", ("Paid", "Shipped", 2)).known == {"paid_at": PLACED, "fulfilled_at": day(2)}


def test_a_status_reached_twice_counts_from_the_first_time() -> None:
    found = read("Shipped", ("Pending", "Shipped", 1), ("Shipped", "Pending", 2), ("Pending", "Shipped", 3))
    assert found.known == {"fulfilled_at": day(1)}


def test_an_order_that_was_taken_up_again_is_not_cancelled() -> None:
    assert read("Pending", ("Pending", "Cancelled", 1), ("Cancelled", "Pending", 2)).known == {}


def test_an_order_cancelled_twice_is_cancelled_since_the_last_time() -> None:
    found = read("Cancelled", ("Pending", "Cancelled", 1), ("Cancelled", "Pending", 2), ("Pending", "Cancelled", 3))
    assert found.known == {"cancelled_at": day(3)}


def test_a_payment_event_of_the_right_name_is_the_payment() -> None:
    found = read("Pending", payments=(("Pre-auth", 0), ("Settled", 1), ("Settled", 5)))
    assert found.known == {"paid_at": day(1)}


def test_the_earlier_of_status_and_payment_counts() -> None:
    found = read("Paid", ("Pending", "Paid", 3), payments=(("Settled", 2),))
    assert found.known == {"paid_at": day(2)}


def test_where_nothing_says_paid_placed_counts(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "STATUS_TIMES": {"Cancelled": "cancelled"}, "PAID_EVENTS": []}
    assert read("Pending").known == {"paid_at": PLACED}


def test_final_are_the_statuses_named_else_those_the_pipeline_ends_in(settings: Any) -> None:
    settings.OSCAR_ORDER_STATUS_PIPELINE = {"Pending": ("Complete",), "Complete": (), "Cancelled": ()}
    settings.RETENTION = {**settings.RETENTION, "FINAL_STATUSES": []}
    assert list(times.final_statuses()) == ["Complete", "Cancelled"]
    settings.RETENTION = {**settings.RETENTION, "FINAL_STATUSES": ["Archived"]}
    assert list(times.final_statuses()) == ["Archived"]
