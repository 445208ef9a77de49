"""Pages: whole, without doubles, as many queries for many rows as for few."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from retention.models import Customer, Message, Order
from tests.api import people
from tests.api.people import NOON, V1, Shopper


def collect(client: APIClient, path: str) -> list[int]:
    """Follow ``next`` to the end; return the ids as they came."""
    ids: list[int] = []
    url: str | None = V1 + path
    for _ in range(50):
        if url is None:
            return ids
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        ids += [row["id"] for row in answer.json()["results"]]
        url = answer.json()["next"]
    raise AssertionError("there is no end of pages")


def test_pages_hold_every_row_once_also_where_all_have_the_same_time(ada: Shopper) -> None:
    for number in range(2, 13):
        people.order(ada, number, placed_at=NOON)
    expected = list(ada.customer.orders.order_by("-placed_at", "-pk").values_list("pk", flat=True))
    assert len(expected) == 13
    for size in (1, 4, 12, 13, 200):
        assert collect(ada.client, f"me/orders/?page_size={size}") == expected


def test_an_order_that_comes_while_somebody_reads_moves_nothing(ada: Shopper) -> None:
    for number in range(2, 6):
        people.order(ada, number)
    first = ada.client.get(f"{V1}me/orders/?page_size=3").json()
    people.order(ada, 9)
    second = ada.client.get(first["next"]).json()
    assert [row["reference"] for row in first["results"] + second["results"]] == [
        f"ada-mark-{number}" for number in (5, 4, 3, 2, 1, 0)
    ]
    assert second["next"] is None


def test_the_next_link_keeps_filters(ada: Shopper) -> None:
    for number in range(2, 6):
        people.order(ada, number)
    since = (NOON + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(collect(ada.client, f"me/orders/?page_size=2&placed_from={since}")) == 4


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("me/", 2),
        ("me/consent/", 3),
        ("me/prompts/", 4),
        # token, customer, orders, lines, refunds, coupons
        ("me/orders/", 6),
    ],
)
def test_a_shoppers_page_takes_as_many_queries_for_many_rows_as_for_few(ada: Shopper, path: str, queries: int) -> None:
    assert people.queries(ada.client, path) == queries
    for number in range(2, 30):
        people.order(ada, number)
    assert people.queries(ada.client, path) == queries


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        # token, then customers, spends, consents
        ("customers/", 4),
        ("orders/", 5),
        ("messages/", 2),
    ],
)
def test_a_page_for_staff_takes_as_many_queries_for_many_rows_as_for_few(
    root: APIClient, path: str, queries: int
) -> None:
    people.shopper("ada")
    assert people.queries(root, path) == queries
    for number in range(8):
        people.shopper(f"shopper{number}", orders=3)
    assert people.queries(root, path) == queries


def test_permissions_cost_two_queries_however_many_are_asked(db: None) -> None:
    clerk = people.staff("clerk", "retention.view_order", "retention.view_personal_data")
    people.shopper("ada")
    assert people.queries(clerk, "orders/") == 7


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kind=member", 2),
        ("kind=guest", 1),
        ("orders_min=3", 0),
        ("user=1000000", 0),
        ("created_from=2026-03-02T12:00:00Z", 3),
        ("created_from=2026-03-02T12:00:01Z", 0),
        ("created_before=2026-03-02", 0),
        ("kind=&orders_min=", 3),
    ],
)
def test_customers_are_filtered(ada: Shopper, ben: Shopper, root: APIClient, query: str, expected: int) -> None:
    Customer.objects.create(kind=Customer.Kind.GUEST, created_at=NOON)
    Customer.objects.exclude(pk__in=Customer.objects.order_by("-pk")[:3].values("pk")).delete()
    assert len(collect(root, f"customers/?{query}")) == expected


def test_orders_are_filtered(ada: Shopper, ben: Shopper, root: APIClient) -> None:
    late = people.order(ben, 7, cancelled_at=NOON, currency="USD", history=True)
    every = Order.objects.count()
    for query, expected in {
        f"customer={ben.customer.pk}": 3,
        "cancelled=true": 1,
        "cancelled=false": every - 1,
        "history=true": 1,
        "currency=USD": 1,
        f"reference={late.reference}": 1,
        f"number={late.number}": 1,
        f"coupon={ben.mark}-code": 3,
        "country=DE": 0,
    }.items():
        assert len(collect(root, f"orders/?{query}")) == expected, query


def test_messages_are_filtered(ada: Shopper, ben: Shopper, root: APIClient) -> None:
    Message.objects.filter(customer=ben.customer).update(state=Message.State.FAILED)
    for query, expected in {
        "": 2, "state=failed": 1, f"customer={ada.customer.pk}": 1, "purpose=marketing": 0,
        f"source={ada.mark}": 1, "mail=retention.sign_in": 2, f"order={ada.orders[0].reference}": 1,
    }.items():  # fmt: skip
        assert len(collect(root, f"messages/?{query}")) == expected, query


def test_money_is_a_decimal_with_the_currencys_digits(ada: Shopper) -> None:
    people.order(ada, 5, currency="JPY", total_minor=1250, tax_minor=None)
    yen, _, euro = ada.client.get(f"{V1}me/orders/").json()["results"]
    assert (yen["total"], yen["tax"], yen["lines"][0]["amount"]) == ("1250", None, "1000")
    assert (euro["total"], euro["refunded"], euro["refunds"][0]["amount"]) == ("12.50", "1.00", "1.00")
    assert euro["coupons"] == [{"code": "ada-mark-code", "discount": "1.00"}]
