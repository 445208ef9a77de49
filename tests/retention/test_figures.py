"""What is kept on a customer: orders that count, and spend per currency."""

from datetime import timedelta
from decimal import Decimal

from retention.models import Customer, Spend
from retention.services import customers
from tests.retention.ground import guest, tell
from tests.retention.shop import NOON, LocalShop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def spends() -> dict[str, int]:
    return dict(Spend.objects.values_list("currency", "net_minor"))


def counts() -> tuple[int, object, object]:
    row = guest()
    return row.orders_count, row.first_order_at, row.last_order_at


def test_currencies_are_never_added_up(shop: LocalShop) -> None:
    shop.place("A1", total=Decimal("10.00"))
    shop.place("A2", total=Decimal("20.00"), currency="USD", placed_at=NOON - DAY)
    shop.place("A3", total=Decimal(3000), currency="JPY", placed_at=NOON - 2 * DAY)
    shop.place("A4", total=Decimal("5.50"), placed_at=NOON - 3 * DAY)
    tell(*shop.orders)
    assert spends() == {"EUR": 1550, "USD": 2000, "JPY": 3000}
    assert counts() == (4, NOON - 3 * DAY, NOON)


def test_a_cancelled_order_does_not_count(shop: LocalShop) -> None:
    shop.place("A1")
    shop.place("A2", placed_at=NOON - DAY)
    tell("A1", "A2")
    shop.change("A1", cancelled_at=NOON)
    tell("A1", at=NOON + HOUR)
    assert counts() == (1, NOON - DAY, NOON - DAY)
    assert spends() == {"EUR": 4000}


def test_a_fully_refunded_order_does_not_count_and_a_partly_refunded_one_does(shop: LocalShop) -> None:
    shop.place("A1")
    shop.place("A2", placed_at=NOON - DAY)
    shop.refund("A1", "40.00")
    shop.refund("A2", "39.99")
    tell("A1", "A2")
    assert counts() == (1, NOON - DAY, NOON - DAY)
    assert spends() == {"EUR": 1}


def test_more_refunded_than_paid_is_no_negative_spend(shop: LocalShop) -> None:
    shop.place("A1")
    shop.refund("A1", "55.00")
    tell("A1")
    assert counts() == (0, None, None)
    assert spends() == {}


def test_an_order_of_nothing_counts(shop: LocalShop) -> None:
    shop.place("A1", total=Decimal(0))
    tell("A1")
    assert counts() == (1, NOON, NOON)
    assert spends() == {"EUR": 0}


def test_the_last_order_of_a_currency_that_is_cancelled_leaves_nothing_behind(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    shop.change("A1", cancelled_at=NOON)
    tell("A1", at=NOON + HOUR)
    assert counts() == (0, None, None)
    assert spends() == {"EUR": 0}


def test_a_reinstated_order_counts_again(shop: LocalShop) -> None:
    shop.place("A1", cancelled_at=NOON)
    tell("A1")
    shop.change("A1", cancelled_at=None)
    tell("A1", at=NOON + HOUR)
    assert counts() == (1, NOON, NOON)
    assert spends() == {"EUR": 4000}


def test_counting_again_finds_what_the_orders_say(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    Customer.objects.update(orders_count=9, last_order_at=None)
    Spend.objects.update(net_minor=7)
    customers.refresh([guest().pk])
    assert counts() == (1, NOON, NOON)
    assert spends() == {"EUR": 4000}
