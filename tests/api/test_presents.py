"""Gifts, challenges and giving over the API: a shopper's own, in words and numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from loyalty.models import Cause, Contribution, Participation
from loyalty.services import causes, challenges, gifts
from retention.models import Order
from retention.testing.clock import Clock
from tests.api import people
from tests.api.people import NOON, V1, Shopper
from tests.loyalty.gifts import challenge, plan


@pytest.fixture
def ada(db: None) -> Shopper:
    """Ada, with three paid orders."""
    made = people.shopper("ada", orders=3)
    Order.objects.update(paid_at=NOON)
    return made


@pytest.fixture(autouse=True)
def now() -> Any:
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        yield


def clock() -> Clock:
    return Clock(NOON)


def test_gifts_say_how_far_the_next_is_and_keep_surprises(ada: Shopper) -> None:
    plan(2, points=50)
    plan(1, thing="A postcard", surprise=True, name="Secret")
    gifts.settle([ada.customer.pk], at=NOON)
    answer = ada.client.get(f"{V1}me/gifts/")
    assert "Secret" not in answer.content.decode()
    assert "postcard" not in answer.content.decode()
    body = answer.json()
    assert body["surprises"] is True
    assert body["next"] == [
        {
            "name": "A little extra", "gift": "50 points", "orders": 1, "missing": 1,
            "words": [
                "Every 2 orders bring you a gift: 50 points.",
                "Orders that are cancelled or paid back in full do not count.",
            ],
        }
    ]  # fmt: skip
    [given] = body["given"]
    assert (given["gift"], given["code"], given["order"]) == ("50 points", "", "ada-mark-1")


def test_a_challenge_is_listed_joined_and_counted(ada: Shopper) -> None:
    made = challenge(clock())
    [listed] = ada.client.get(f"{V1}me/challenges/").json()
    assert (listed["state"], listed["can_join"], listed["asks"]) == ("open", True, "Place 3 orders.")
    for _ in range(2):
        joined = ada.client.post(f"{V1}me/challenges/{made.pk}/join/")
        assert (joined.status_code, joined.json()["state"]) == (200, "running")
    Order.objects.update(placed_at=NOON + timedelta(hours=2))
    challenges.settle([ada.customer.pk], at=NOON + timedelta(hours=2))
    [listed] = ada.client.get(f"{V1}me/challenges/").json()
    assert (listed["state"], listed["progress"], listed["percent"]) == ("won", "3 of 3 orders", 100)
    assert Participation.objects.count() == 1


def test_what_cannot_be_joined_says_so(ada: Shopper) -> None:
    over = challenge(clock(), ends_at=NOON + timedelta(minutes=1))
    automatic = challenge(clock(), automatic=True)
    hidden = challenge(clock(), active=False)
    codes = [ada.client.post(f"{V1}me/challenges/{one.pk}/join/") for one in (over, automatic, hidden)]
    assert [(answer.status_code, answer.json()["code"]) for answer in codes] == [
        (409, "not_open"), (409, "no_joining"), (404, "not_found")
    ]  # fmt: skip
    assert Participation.objects.count() == 0


def test_giving_says_what_ones_own_orders_gave(ada: Shopper) -> None:
    forest = Cause.objects.create(name="Forest", show_total=True)
    pledge = causes.pledge(forest, currency="EUR", at=NOON, percent=Decimal(2))
    ben = people.shopper("ben")
    for owner, minor in ((ada, 120), (ben, 30)):
        Contribution.objects.create(
            cause=forest, pledge=pledge, order=owner.orders[0].reference, customer=owner.customer, currency="EUR",
            amount_minor=minor, month=NOON.date().replace(day=1), settled_at=NOON,
        )  # fmt: skip
    assert ada.client.get(f"{V1}me/giving/").json() == [
        {
            "name": "Forest", "about": "", "url": "", "mine": [{"currency": "EUR", "amount": "1.20"}],
            "by_points": [], "total": [{"currency": "EUR", "amount": "1.50"}],
            "promise": "Each order gives 2% of its goods in EUR to Forest. We pay it, you pay nothing more.",
        }
    ]  # fmt: skip


def test_the_answers_cost_few_queries(ada: Shopper) -> None:
    plan(2, points=50)
    challenge(clock())
    assert people.queries(ada.client, "me/gifts/") <= 9
    assert people.queries(ada.client, "me/challenges/") <= 9
    assert people.queries(ada.client, "me/giving/") <= 6
