"""Staff give coupons another last day and new codes over the API, each once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns.models import Coupon
from campaigns.services import batches
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper

EXTENDS = "retention_campaigns.extend_coupon"


@pytest.fixture
def coupon(ada: Shopper) -> Coupon:
    return ada.customer.coupons.get()


@pytest.fixture
def clerk(db: None) -> APIClient:
    return people.staff("clerk", EXTENDS)


def extend(client: APIClient, coupon: Coupon, until: Any, **more: Any) -> Any:
    return client.post(f"{V1}coupons/{coupon.pk}/extend/", {"until": until}, format="json", **more)


def reissue(client: APIClient, coupon: Coupon, **more: Any) -> Any:
    return client.post(f"{V1}coupons/{coupon.pk}/reissue/", **more)


@pytest.mark.parametrize("until", ["2026-03-05", "2026-06-30"])
def test_a_coupon_gets_an_earlier_or_a_later_last_day(clerk: APIClient, coupon: Coupon, until: str) -> None:
    answer = extend(clerk, coupon, until)
    assert (answer.status_code, answer.json()["last_day"]) == (200, until)


def test_an_expired_one_is_usable_again(clerk: APIClient, coupon: Coupon) -> None:
    Coupon.objects.update(issued_at=NOON.replace(month=1), expires_at=NOON.replace(month=2))
    assert extend(clerk, coupon, "2026-03-31").json()["standing"] == "usable"
    coupon.refresh_from_db()
    assert coupon.expires_at == datetime(2026, 3, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "code"),
    [("2026-03-01", "past"), ("0001-01-01", "past"), ("9999-12-31", "too_far"), ("soon", "invalid"), (None, "null")],
)
def test_a_day_that_cannot_be_is_said_at_its_field(clerk: APIClient, coupon: Coupon, until: Any, code: str) -> None:
    answer = extend(clerk, coupon, until)
    assert (answer.status_code, answer.json()["fields"]["until"][0]["code"]) == (400, code)
    before = coupon.expires_at
    coupon.refresh_from_db()
    assert coupon.expires_at == before


def test_what_was_called_off_is_not_extended(clerk: APIClient, coupon: Coupon) -> None:
    Coupon.objects.update(state="void")
    answer = extend(clerk, coupon, "2026-06-30")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_void")


def test_what_begins_after_that_day_is_not_cut_off(clerk: APIClient, coupon: Coupon) -> None:
    Coupon.objects.update(starts_at=NOON.replace(day=20))
    answer = extend(clerk, coupon, "2026-03-10")
    assert (answer.status_code, answer.json()["code"]) == (409, "begins_later")


def test_a_new_code_stands_in_for_the_old_one(clerk: APIClient, coupon: Coupon) -> None:
    answer = reissue(clerk, coupon)
    new = answer.json()
    assert answer.status_code == 200
    assert (new["customer"], new["gives"], new["last_day"]) == (coupon.customer_id, "€5.00 off", "2026-04-01")
    assert new["code"] != coupon.code
    coupon.refresh_from_db()
    assert coupon.state == "void"


def test_asked_again_it_is_the_same_new_code(clerk: APIClient, coupon: Coupon) -> None:
    assert reissue(clerk, coupon).json()["id"] == reissue(clerk, coupon).json()["id"]
    assert Coupon.objects.count() == 2


def test_with_a_key_the_first_answer_comes_back(clerk: APIClient, coupon: Coupon) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = reissue(clerk, coupon, headers=key), reissue(clerk, coupon, headers=key)
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    new = Coupon.objects.get(pk=first.json()["id"])
    first = extend(clerk, new, "2026-06-30", headers={"Idempotency-Key": "two"})
    extend(clerk, new, "2026-07-31")
    again = extend(clerk, new, "2026-06-30", headers={"Idempotency-Key": "two"})
    assert again.json() == first.json()
    new.refresh_from_db()
    assert new.expires_at == datetime(2026, 7, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize("given", [{"state": "void"}, {"used": 1}, {"expires_at": NOON}])
def test_of_what_is_over_there_is_no_new_code(clerk: APIClient, coupon: Coupon, given: dict[str, Any]) -> None:
    Coupon.objects.update(**({"issued_at": NOON.replace(month=1)} | given))
    answer = reissue(clerk, coupon)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_left")
    assert Coupon.objects.count() == 1


def test_who_may_call_off_may_not_extend(coupon: Coupon) -> None:
    other = people.staff("other", "retention_campaigns.void_coupon", "retention_campaigns.view_coupon")
    for answer in (extend(other, coupon, "2026-06-30"), reissue(other, coupon)):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert Coupon.objects.get() == coupon


def test_a_coupon_that_is_not_there(clerk: APIClient, ada: Shopper) -> None:
    gone = things.coupon(ada, 7)
    gone.redemptions.all().delete()
    gone.delete()
    gone.pk = 2**40
    assert [extend(clerk, gone, "2026-06-30").status_code, reissue(clerk, gone).status_code] == [404, 404]


def test_staff_see_what_a_coupon_was_made_with_and_instead_of(
    clerk: APIClient, coupon: Coupon, root: APIClient, ada: Shopper
) -> None:
    new = reissue(clerk, coupon).json()
    old = root.get(f"{V1}coupons/{coupon.pk}/").json()
    assert [(row["batch"], row["replaces"], row["replaced_by"]) for row in (old, new)] == [
        (None, None, new["id"]),
        (None, coupon.pk, None),
    ]
    batch = batches.start(coupon.offer, name="leaflet", count=1, prefix="BOX", at=NOON)
    batches.carry_on(at=NOON)
    for query, ids in {
        f"replaces={coupon.pk}": [new["id"]],
        f"batch={batch.pk}": list(batch.coupons.values_list("pk", flat=True)),
    }.items():
        assert [row["id"] for row in root.get(f"{V1}coupons/?{query}").json()["results"]] == ids
    [made] = root.get(f"{V1}coupons/?batch={batch.pk}").json()["results"]
    assert (made["batch"], made["customer"]) == (batch.pk, None)
    shown = ada.client.get(f"{V1}me/coupons/").json()["results"]
    assert len(shown) == 2
    assert all({"batch", "replaces", "replaced_by"}.isdisjoint(row) for row in shown), "shoppers see no other rows"
