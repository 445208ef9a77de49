"""Coupons over the API: mine as they were promised, all of them for staff, and why one is not taken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns.models import Coupon
from campaigns.terms import Goods, Terms
from retention.models import Customer, Message
from retention.testing.shop import FakeShop
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper


@pytest.fixture
def ada(db: None) -> Shopper:
    """Ada, who has been given nothing yet."""
    return people.shopper("ada")


def mine(shopper: Shopper, query: str = "") -> Any:
    return shopper.client.get(f"{V1}me/coupons/{query}").json()["results"]


def test_a_coupon_says_what_it_promised(ada: Shopper) -> None:
    coupon = things.coupon(ada)
    assert mine(ada) == [
        {
            "id": coupon.pk,
            "code": "ADA-MARK-0",
            "gives": "€5.00 off",
            "kind": "amount",
            "percent": None,
            "amount": "5.00",
            "minimum": "30.00",
            "currency": "EUR",
            "conditions": "not together with another coupon",
            "standing": "usable",
            "order": "ada-mark-0",
            "issued_at": "2026-03-02T13:00:00+01:00",
            "expires_at": "2026-04-01T14:00:00+02:00",
            "last_day": "2026-04-01",
        }
    ]


def test_a_percentage_is_said_as_one(ada: Shopper) -> None:
    terms = Terms(kind="percentage", percent=Decimal("12.50"), valid_days=30)
    things.coupon(ada, version=things.offer("percent", terms), currency="")
    [row] = mine(ada)
    assert (row["gives"], row["percent"], row["amount"], row["minimum"]) == ("12.5% off", "12.5", None, None)


def test_what_became_of_a_coupon_is_said_and_filtered(ada: Shopper) -> None:
    things.coupon(ada, 0)
    things.coupon(ada, 1, used=1)
    things.coupon(ada, 2, issued_at=NOON - timedelta(days=30), expires_at=NOON)
    things.coupon(ada, 3, state="void")
    standings = {row["code"][-1]: row["standing"] for row in mine(ada)}
    assert standings == {"0": "usable", "1": "used", "2": "expired", "3": "void"}
    assert [row["code"] for row in mine(ada, "?usable=true")] == ["ADA-MARK-0"]
    assert [row["code"][-1] for row in mine(ada, "?usable=false")] == ["3", "1", "2"]


def test_a_code_for_whoever_has_it_is_in_nobodys_list(ada: Shopper) -> None:
    things.coupon(ada, customer=None)
    assert mine(ada) == []


def test_staff_filter_coupons(ada: Shopper, root: APIClient) -> None:
    coupon = things.coupon(ada)
    ben = people.shopper("ben")
    things.coupon(ben, version=things.offer("other"), state="void")
    for query, expected in {
        "": 2, f"customer={ada.customer.pk}": 1, "offer=other": 1, "state=void": 1, f"code={coupon.code}": 1,
        "source=ben-mark": 1, f"order={ada.mark}-0": 1, "usable=true": 1, "issued_before=2026-03-02T12:00:00Z": 0,
        "used_by_order=x": 0,
    }.items():  # fmt: skip
        assert len(root.get(f"{V1}coupons/?{query}").json()["results"]) == expected, query


def test_a_coupon_is_called_off_once(ada: Shopper) -> None:
    coupon = things.coupon(ada)
    clerk = people.staff("clerk", "retention_campaigns.void_coupon")
    first = clerk.post(f"{V1}coupons/{coupon.pk}/void/", {"reason": "a mistake"}, format="json")
    assert (first.status_code, first.json()["standing"]) == (200, "void")
    assert first.json()["void_reason"].endswith(": a mistake")
    again = clerk.post(f"{V1}coupons/{coupon.pk}/void/")
    assert (again.status_code, again.json()["code"]) == (409, "already_void")
    assert clerk.get(f"{V1}coupons/").status_code == 403


def check(root: APIClient, **given: Any) -> Any:
    body = {"code": "ada-mark-0", "currency": "EUR", "worth": "30", "email": "ada-mark@example.com", **given}
    return root.post(f"{V1}coupons/check/", body, format="json").json()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, ""),
        ({"worth": "29.99"}, "below_minimum"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"email": "ben@example.com"}, "someone_elses"),
        ({"email": ""}, "no_address"),
        ({"code": "NO-SUCH-CODE"}, "unknown"),
    ],
)
def test_staff_are_told_the_exact_reason(ada: Shopper, root: APIClient, given: Any, reason: str) -> None:
    things.coupon(ada)
    answer = check(root, **given)
    assert (answer["taken"], answer["reason"]) == (not reason, reason)
    assert bool(answer["detail"]) == bool(reason)


def test_a_check_reserves_nothing(ada: Shopper, root: APIClient) -> None:
    coupon = things.coupon(ada)
    before = list(coupon.redemptions.values())
    assert check(root, cart="c1")["taken"] is True
    assert list(coupon.redemptions.values()) == before
    assert Coupon.objects.get().used == 0


def test_coupons_take_as_many_queries_for_many_as_for_few(ada: Shopper, root: APIClient) -> None:
    things.coupon(ada, 0)
    # token, customer, coupons; token, coupons, redemptions
    assert [people.queries(ada.client, "me/coupons/"), people.queries(root, "coupons/")] == [3, 3]
    for number in range(1, 20):
        things.coupon(ada, number, version=things.offer(f"offer{number}"))
    assert [people.queries(ada.client, "me/coupons/"), people.queries(root, "coupons/")] == [3, 3]


def test_what_shoppers_write_needs_a_permission_of_its_own(ada: Shopper) -> None:
    answer = things.answer(ada)
    clerk = people.staff("clerk", "retention_campaigns.view_answer", "retention.view_personal_data")
    reader = people.staff("reader", "retention_campaigns.view_answer", "retention_campaigns.view_comment")
    url = f"{V1}answers/{answer.pk}/"
    assert (clerk.get(url).json()["comment"], reader.get(url).json()["comment"]) == ("•••", "ada-mark writes")
    assert reader.get(f"{V1}answers/").json()["results"] == [
        {
            "id": answer.pk, "survey": "after-order", "customer": ada.customer.pk, "order": "ada-mark-0", "score": 2,
            "comment": "ada-mark writes", "answered_at": "2026-03-02T13:00:00+01:00",
            "changed_at": "2026-03-02T13:00:00+01:00",
        }
    ]  # fmt: skip


def test_answers_are_filtered_and_take_one_query(ada: Shopper, root: APIClient) -> None:
    for number, score in enumerate((1, 2, 5, 5)):
        things.answer(ada, number, score=score)
    for query, expected in {
        "": 4, "score_max=2": 2, "score_min=5": 2, f"customer={ada.customer.pk}": 4, "survey=after-order": 4,
        "survey=x": 0, "order=ada-mark-3": 1, "answered_from=2026-03-03": 0,
    }.items():  # fmt: skip
        assert len(root.get(f"{V1}answers/?{query}").json()["results"]) == expected, query
    assert people.queries(root, "answers/") == 2


def test_a_score_comes_with_its_number_and_interval(ada: Shopper, root: APIClient) -> None:
    for number, score in enumerate((1, 4, 5, 5)):
        row = things.answer(ada, number, score=score)
        Message.objects.create(
            key=f"campaigns.survey:{row.invitation_id}", mail="campaigns.survey", purpose="survey", state="sent",
            customer=ada.customer, due_at=NOON, created_at=NOON, changed_at=NOON, sent_at=NOON,
        )  # fmt: skip
    answer = root.get(f"{V1}surveys/{things.survey().pk}/score/").json()
    assert (answer["answers"], answer["value"], answer["few"]) == (4, 75.0, True)
    assert (round(answer["low"], 1), round(answer["high"], 1)) == (30.1, 95.4)
    assert answer["counts"] == [{"score": 1, "answers": 1}, {"score": 4, "answers": 1}, {"score": 5, "answers": 2}]


def test_a_case_is_opened_once_per_key_and_belongs_to_who_opened_it(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention_campaigns.add_recoverycase", "retention_campaigns.view_recoverycase")
    body = {"customer": ada.customer.pk, "order": "ada-mark-0", "note": "called, was angry"}
    key = {"Idempotency-Key": "1"}
    answers = [clerk.post(f"{V1}cases/", body, format="json", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    [row] = clerk.get(f"{V1}cases/?state=taken&customer={ada.customer.pk}").json()["results"]
    assert (row["source"], row["order"], row["owner"]) == ("staff", "ada-mark-0", row["owner"])
    assert ada.customer.cases.get().notes.get().text == "called, was angry"


def test_a_case_needs_a_customer_who_is_there(ada: Shopper, root: APIClient) -> None:
    gone = Customer.objects.create(kind="guest", created_at=NOON, absorbed_into=ada.customer)
    for customer in (gone.pk, 2**40, 0):
        answer = root.post(f"{V1}cases/", {"customer": customer}, format="json")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["customer"])


def test_products_are_named_by_their_titles_for_one_question_to_the_shop(
    ada: Shopper, fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup, bowl = fake_shop.add_product("Cup"), fake_shop.add_product("Bowl")
    free = Terms(kind="free_product", valid_days=30, goods=Goods(only_products=(cup, bowl)))
    tenth = Terms(kind="percentage", percent=Decimal(10), valid_days=30, goods=Goods(never_products=(bowl,)))
    things.coupon(ada, 0, version=things.offer("free", free), currency="")
    things.coupon(ada, 1, version=things.offer("tenth", tenth), currency="")
    asked: list[list[str]] = []
    known = fake_shop.get_products
    monkeypatch.setattr(fake_shop, "get_products", lambda named: asked.append(list(named)) or known(named))
    rows = {row["code"][-1]: (row["gives"], row["conditions"]) for row in mine(ada)}
    assert rows == {
        "0": ("One of these free: Cup or Bowl", "not together with another coupon"),
        "1": ("10% off", "not together with another coupon, not for: Bowl"),
    }
    assert asked == [[cup, bowl]]
