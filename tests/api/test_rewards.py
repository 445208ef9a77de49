"""Rewards over the API: what is on offer, claimed once, given up."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.models import Account, Claim, Reward, Task
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper
from tests.loyalty.till import start

CLAIMS = f"{V1}me/claims/"


@pytest.fixture
def ada(db: None) -> Shopper:
    """Ada, who has 120 points."""
    shopper = people.shopper("ada")
    things.give_points(shopper, 120)
    return shopper


def reward(**given: Any) -> Reward:
    return Reward.objects.create(
        **{"name": "A thing", "kind": "custom", "cost": 100, "active": True, "created_at": NOON, **given}
    )


def claim(shopper: Shopper, *, key: str = "one", **body: Any) -> Any:
    return shopper.client.post(CLAIMS, body, format="json", headers={"Idempotency-Key": key})


def state() -> tuple[int, int]:
    account = Account.objects.get()
    return account.balance, account.held


def test_what_is_on_offer_says_what_is_in_the_way(ada: Shopper) -> None:
    near, far = reward(words="A good one."), reward(name="Another", cost=200)
    reward(active=False)
    assert ada.client.get(f"{V1}me/rewards/").json() == [
        {
            "id": near.pk, "name": "A thing", "words": "A good one.", "kind": "custom", "cost": 100, "gives": "",
            "no": None, "missing": 0, "detail": "",
        },
        {
            "id": far.pk, "name": "Another", "words": "", "kind": "custom", "cost": 200, "gives": "",
            "no": "not_enough", "missing": 80, "detail": "80 points are missing.",
        },
    ]  # fmt: skip


def test_who_never_had_a_point_sees_what_points_could_buy(ada: Shopper) -> None:
    reward()
    [row] = people.shopper("ben").client.get(f"{V1}me/rewards/").json()
    assert (row["no"], row["missing"]) == ("not_enough", 100)


def test_a_claim_that_is_sent_twice_is_one(ada: Shopper) -> None:
    thing = reward()
    first, second = (claim(ada, reward=thing.pk) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert {name: first.json()[name] for name in ("state", "points", "spent", "code", "worth")} == {
        "state": "reserved", "points": 100, "spent": 0, "code": None, "worth": None
    }  # fmt: skip
    assert state() == (120, 100)
    assert claim(ada, reward=thing.pk + 1).json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("given", "code"),
    [({"cost": 121}, "not_enough"), ({"stock": 0}, "gone"), ({"active": False}, "not_on_offer"),
     ({"condition": "nobody.knows"}, "not_for_you")],
)  # fmt: skip
def test_a_refusal_has_a_code_and_changes_nothing(ada: Shopper, given: dict[str, Any], code: str) -> None:
    answer = claim(ada, reward=reward(**given).pk)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (state(), Claim.objects.count(), Task.objects.count()) == ((120, 0), 0, 0)


@pytest.mark.usefixtures("fake_shop")
def test_points_off_give_a_code_for_the_shops_own_checkout(ada: Shopper) -> None:
    start(worth="0.01")
    off = reward(kind="points", cost=10, name="Points off")
    made = claim(ada, reward=off.pk, points=80, currency="EUR").json()
    assert (made["worth"], made["currency"], made["points"]) == ("0.80", "EUR", 80)
    coupon = Claim.objects.get().coupon
    assert coupon is not None
    assert made["code"] == coupon.code
    assert claim(ada, key="b", reward=off.pk, points=5, currency="EUR").json()["code"] == "too_few"
    assert claim(ada, key="c", reward=off.pk, points=20, currency="USD").json()["code"] == "no_worth"
    assert claim(ada, key="d", reward=off.pk).json()["code"] == "too_few"


def test_giving_up_brings_the_points_back_once(ada: Shopper) -> None:
    made = claim(ada, reward=reward().pk).json()
    for _ in range(2):
        answer = ada.client.post(f"{CLAIMS}{made['id']}/give-up/")
        assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "released", "given_up")
    assert state() == (120, 0)
    assert [row["id"] for row in ada.client.get(f"{CLAIMS}?state=released").json()["results"]] == [made["id"]]
    assert ada.client.get(f"{CLAIMS}?state=reserved").json()["results"] == []


def test_what_has_been_given_is_not_given_up(ada: Shopper) -> None:
    made = claim(ada, reward=reward(kind="donation").pk).json()
    assert (made["state"], made["spent"]) == ("committed", 100)
    answer = ada.client.post(f"{CLAIMS}{made['id']}/give-up/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert state() == (20, 0)


def test_the_lists_take_the_same_number_of_queries_however_long(ada: Shopper) -> None:
    thing = reward(cost=1)
    things.give_points(ada, 50)
    claim(ada, reward=thing.pk)
    few = [people.queries(ada.client, path) for path in ("me/rewards/", "me/claims/")]
    for n in range(12):
        claim(ada, key=f"k{n}", reward=reward(cost=1).pk)
    assert [people.queries(ada.client, path) for path in ("me/rewards/", "me/claims/")] == few
