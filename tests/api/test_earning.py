"""What a headless shop asks about earning: what goods would bring, the terms, and that a review is published."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.services import rules
from retention.facts import ReviewWritten
from retention.models import Fact
from tests.api import people
from tests.api.people import V1, Shopper
from tests.loyalty.till import START, start


@pytest.fixture
def ada(db: None) -> Shopper:
    return people.shopper("ada")


def promise(shopper: Shopper, *lines: dict[str, Any], currency: str = "EUR") -> Any:
    return shopper.client.post(
        f"{V1}me/points/promise/", {"currency": currency, "lines": list(lines)}, format="json"
    )  # fmt: skip


def test_goods_say_what_they_would_earn_me(ada: Shopper) -> None:
    programme = start()
    rules.set_rule(programme, at=START, name="Tea", goods="only", products=["tea"], effect="piece", points=5)
    answer = promise(ada, {"product": "tea", "quantity": 3, "amount": "12.00"}, {"product": "cup", "amount": "7.99"})
    assert answer.json() == {"points": 34, "words": "This earns 34 points"}
    assert promise(ada, {"product": "tea", "amount": "12.00"}, currency="GBP").json() == {"points": 0, "words": ""}


def test_without_a_programme_nothing_is_earned_and_there_are_no_terms(ada: Shopper) -> None:
    assert promise(ada, {"product": "tea", "amount": "12.00"}).json() == {"points": 0, "words": ""}
    assert ada.client.get(f"{V1}me/points/terms/").json() == {"terms": []}


def test_the_terms_are_those_of_the_account_page(ada: Shopper) -> None:
    rules.set_rule(start(), at=START, name="Double days", times=Decimal(2))
    terms = ada.client.get(f"{V1}me/points/terms/").json()["terms"]
    assert "Double days: 2 × the points on all goods." in terms


@pytest.mark.parametrize(
    ("currency", "line"),
    [
        ("EUX", {"product": "tea", "amount": "1"}),
        ("EUR", {"product": "tea", "amount": "-1"}),
        ("EUR", {"product": "tea", "amount": "1", "quantity": 0}),
        ("EUR", {"amount": "1"}),
        ("EUR", {"product": "tea", "amount": "99999999999"}),
    ],
)
def test_what_makes_no_sense_is_refused(ada: Shopper, currency: str, line: dict[str, Any]) -> None:
    start()
    assert promise(ada, line, currency=currency).status_code == 400


def test_the_shop_reports_a_review_with_a_permission(ada: Shopper) -> None:
    path, body = f"{V1}customers/{ada.customer.pk}/reviews/", {"product": "tea", "review": "r1"}
    assert ada.client.post(path, body, format="json").status_code in (403, 404)
    assert people.staff("hal", "retention.view_customer").post(path, body, format="json").status_code == 403
    assert people.staff("shop", "retention.add_signal").post(path, body, format="json").status_code == 202
    fact = Fact.objects.get(kind=ReviewWritten.kind)
    assert (fact.customer, fact.payload) == (ada.customer.pk, {"product": "tea", "review": "r1"})
