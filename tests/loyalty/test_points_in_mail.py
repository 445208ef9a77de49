"""Points in a mail: the balance and its worth of many people in two queries, nothing for who has none."""

from __future__ import annotations

from typing import Any

from loyalty.mail_parts import POINTS
from loyalty.models import Account
from retention.mail import Asked
from retention.models import Customer
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, join, start


def test_points_and_their_worth_are_told_in_the_language_of_the_mail(
    shop: FakeShop, django_assert_num_queries: Any
) -> None:
    start(rate="1", worth="0.01")
    people = [Customer.objects.get(user=join(f"p{number}@example.com")) for number in range(4)]
    for one, balance in zip(people, (320, 0, -5), strict=False):
        Account.objects.create(customer=one, balance=balance, owed=max(-balance, 0), created_at=START)
    languages = ("es", "en", "en", "en")
    asked = [
        Asked(key=number, customer=one.pk, language=language)
        for number, (one, language) in enumerate(zip(people, languages, strict=True))
    ]
    assert POINTS.build is not None
    with django_assert_num_queries(2):
        told = POINTS.build(asked, START)
    nothing = {"points": None, "points_worth": None, "points_money": None}
    ada = {"points": 320, "points_worth": "3,20\xa0€", "points_money": None}
    assert told == {0: ada, 1: nothing, 2: nothing, 3: nothing}


def test_where_points_are_shown_as_money_a_mail_speaks_of_money_alone(shop: FakeShop) -> None:
    start(worth="0.01", shown_as="money")
    ada = Customer.objects.get(user=join())
    Account.objects.create(customer=ada, balance=320, created_at=START)
    assert POINTS.build is not None
    told = POINTS.build([Asked(key=1, customer=ada.pk, language="en")], START)
    assert told == {1: {"points": None, "points_worth": None, "points_money": "€3.20"}}


def test_where_nobody_has_points_no_rate_is_asked_for(shop: FakeShop, django_assert_num_queries: Any) -> None:
    assert POINTS.build is not None
    with django_assert_num_queries(1):
        assert POINTS.build([Asked(key=7, customer=1, language="en")], START) == {
            7: {"points": None, "points_worth": None, "points_money": None}
        }
