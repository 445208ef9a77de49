"""Terms come out of storage as they went in, and those of years ago as they were meant then."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.terms import Asked, Goods, Kind, Money, Period, Terms

NAMES = st.text(min_size=1, max_size=8)
FEW = st.lists(NAMES, max_size=3).map(tuple)
MONEY = st.builds(
    Money,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    amount=st.none() | st.integers(1, 10**12),
    minimum=st.none() | st.integers(0, 10**12),
)
TERMS = st.builds(
    Terms,
    kind=st.sampled_from(Kind.values),
    valid_days=st.none() | st.integers(1, 9999),
    starts_on=st.none() | st.dates(),
    ends_on=st.none() | st.dates(),
    percent=st.none() | st.decimals(min_value="0.01", max_value="100", places=2),
    money=st.lists(MONEY, max_size=3).map(tuple),
    goods=st.builds(Goods, only_products=FEW, only_categories=FEW, never_products=FEW, never_categories=FEW),
    uses=st.integers(1, 99),
    per_customer=st.none() | st.integers(1, 99),
    per_customer_period=st.sampled_from(Period.values),
    first_order_only=st.booleans(),
    conditions=st.lists(st.builds(Asked, name=NAMES, parameters=st.dictionaries(NAMES, st.integers())), max_size=2).map(
        tuple
    ),
    exclusive=st.booleans(),
    sale_goods=st.booleans(),
    priority=st.integers(0, 99),
)


@given(TERMS)
def test_terms_come_out_of_json_as_they_went_in(terms: Terms) -> None:
    assert Terms.from_json(json.loads(json.dumps(terms.to_json()))) == terms


OLD = {
    "kind": "amount",
    "valid_days": 30,
    "percent": None,
    "money": [{"currency": "EUR", "amount": 500, "minimum": 3000}],
    "uses": 1,
    "per_customer": 1,
    "first_order_only": True,
    "conditions": [{"name": "campaigns.nth_order", "parameters": {"n": 2}}],
    "exclusive": True,
}
"""As a row of the first migration holds it."""


def test_what_older_terms_do_not_name_is_as_it_was_then() -> None:
    assert Terms.from_json(OLD) == Terms(
        kind="amount",
        valid_days=30,
        starts_on=None,
        ends_on=None,
        money=(Money(currency="EUR", amount=500, minimum=3000),),
        goods=Goods(),
        per_customer=1,
        per_customer_period="ever",
        first_order_only=True,
        conditions=(Asked(name="campaigns.nth_order", parameters={"n": 2}),),
        sale_goods=True,
        priority=10,
    )


def test_a_percentage_is_equal_however_many_noughts_it_is_written_with() -> None:
    said = Terms(kind="percentage", percent=Decimal("10.00"), valid_days=30).to_json()
    assert Terms.from_json(said) == Terms(kind="percentage", percent=Decimal("10"), valid_days=30)
    assert json.dumps(said) == json.dumps(Terms(kind="percentage", percent=Decimal(10), valid_days=30).to_json())


def test_days_are_stored_as_days() -> None:
    said = Terms(kind="free_shipping", valid_days=None, starts_on=date(2026, 5, 1), ends_on=date(2026, 5, 31)).to_json()
    assert (said["starts_on"], said["ends_on"], said["valid_days"]) == ("2026-05-01", "2026-05-31", None)


@pytest.mark.parametrize(
    ("goods", "product", "categories", "meant"),
    [
        (Goods(), "p1", (), True),
        (Goods(only_products=("p1",)), "p1", (), True),
        (Goods(only_products=("p1",)), "p2", (), False),
        (Goods(only_categories=("clay",)), "p2", ("clay", "clay/cups"), True),
        (Goods(only_categories=("clay",)), "p2", ("paper",), False),
        (Goods(only_categories=("clay",)), "p2", (), False),
        (Goods(only_products=("p1",), only_categories=("clay",)), "p1", ("paper",), True),
        (Goods(never_products=("p1",)), "p1", (), False),
        (Goods(never_products=("p1",)), "p2", (), True),
        (Goods(never_categories=("clay",)), "p1", ("clay",), False),
        (Goods(only_products=("p1",), never_categories=("clay",)), "p1", ("clay",), False),
        (Goods(only_categories=("clay",), never_products=("p1",)), "p1", ("clay",), False),
        (Goods(only_products=("p1",), never_products=("p1",)), "p1", (), False),
    ],
)
def test_what_is_out_stays_out_whatever_says_that_it_is_in(
    goods: Goods, product: str, categories: tuple[str, ...], meant: bool
) -> None:
    assert goods.match({product}, categories) is meant


def test_categories_are_asked_for_only_where_they_decide() -> None:
    assert not Goods(only_products=("p1",), never_products=("p2",)).asks_categories
    assert Goods(only_categories=("clay",)).asks_categories
    assert Goods(never_categories=("clay",)).asks_categories
    assert bool(Goods()) is False
    assert bool(Goods(never_products=("p1",))) is True
