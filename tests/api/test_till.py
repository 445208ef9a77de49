"""A headless checkout over the API: check, reserve, commit, release."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns.models import Coupon, Guess, Redemption, Rejection
from campaigns.reasons import Reason
from campaigns.services import redemptions
from retention.testing.shop import FakeShop
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper
from tests.api.test_odd_input import VALUES, harmless
from tests.campaigns.carts import PlainShop
from tests.campaigns.shelf import amount, percentage
from tests.races.together import all_well, together

CODE = "ADA-MARK-0"
LINE = {"product": "p1", "quantity": 2, "price": "40.00"}
BASKET = {"currency": "EUR", "lines": [LINE], "shipping": "4.00", "email": "ada-mark@example.com", "cart": "c1"}


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", PlainShop.capabilities)
    return fake_shop


@pytest.fixture
def ada(db: None) -> Shopper:
    return people.shopper("ada")


@pytest.fixture
def till(db: None) -> APIClient:
    """The shop's server, which may do just this."""
    return people.staff("till", "retention_campaigns.redeem_coupon")


@pytest.fixture
def coupon(ada: Shopper) -> Coupon:
    """Five euros off from 30 on, Ada's."""
    return things.coupon(ada)


def post(client: APIClient, call: str, body: Any, **headers: str) -> Any:
    answer = client.post(f"{V1}coupons/{call}/", body, format="json", headers=headers)
    assert answer.status_code < 500
    return answer


def reserve(client: APIClient, *codes: str, **given: Any) -> Any:
    return post(client, "reserve", {**BASKET, "codes": codes or [CODE], **given})


def commit(client: APIClient, *codes: str, order: str = "100042", cart: str = "c1") -> Any:
    return post(client, "commit", {"order": order, "cart": cart, "codes": codes or [CODE]})


def states() -> list[tuple[str, str]]:
    rows = Redemption.objects.exclude(cart="ada-mark-cart").order_by("pk")
    return [(row.state, row.order or row.cart) for row in rows]


def test_the_four_calls_in_order(till: APIClient, coupon: Coupon) -> None:
    quote = {
        "taken": True, "reason": "", "detail": "",
        "coupons": [
            {
                "code": CODE, "taken": True, "reason": "", "detail": "", "later": False, "discount": "5.00",
                "lines": ["5.00"], "shipping": "0.00",
            }
        ],
        "currency": "EUR", "lines": ["35.00"], "goods": "35.00", "shipping": "4.00", "total": "39.00",
        "discount": "5.00", "until": None,
    }  # fmt: skip
    checked = post(till, "check", {**BASKET, "codes": [CODE.lower()]})
    assert (checked.status_code, checked.json(), states()) == (200, quote, [])
    held = reserve(till, f" {CODE.lower()} ")
    assert (held.status_code, held.json()) == (200, {**quote, "until": "2026-03-02T13:30:00+01:00"})
    assert states() == [("reserved", "c1")]
    used = commit(till)
    assert (used.status_code, used.json()) == (
        200, [{"code": CODE, "state": "committed", "order": "100042", "discount": "5.00", "currency": "EUR"}],
    )  # fmt: skip
    back = post(till, "release", {"order": "100042"})
    assert (back.status_code, back.json()) == (200, {"released": 1})
    assert (states(), Coupon.objects.get().used) == ([("released", "100042")], 0)


def test_each_call_again_changes_nothing_with_a_key_or_without(till: APIClient, coupon: Coupon) -> None:
    for call, body, after in (
        ("reserve", {**BASKET, "codes": [CODE]}, [("reserved", "c1")]),
        ("commit", {"order": "1", "cart": "c1", "codes": [CODE]}, [("committed", "1")]),
        ("release", {"order": "1"}, [("released", "1")]),
    ):
        answers = [post(till, call, body, **{"Idempotency-Key": call}) for _ in range(2)]
        again = post(till, call, body)
        assert [answer.status_code for answer in (*answers, again)] == [200] * 3
        assert answers[1].json() == answers[0].json()
        assert answers[1]["Idempotent-Replayed"] == "true"
        assert states() == after
    assert again.json() == {"released": 0}


def test_a_basket_is_released_too(till: APIClient, coupon: Coupon) -> None:
    reserve(till)
    assert [post(till, "release", {"cart": "c1"}).json() for _ in range(2)] == [{"released": 1}, {"released": 0}]
    assert states() == [("released", "c1")]


def test_codes_that_are_no_longer_named_are_given_back(till: APIClient, coupon: Coupon) -> None:
    reserve(till)
    answer = reserve(till, codes=[])
    assert (answer.status_code, answer.json()["total"], answer.json()["until"]) == (200, "44.00", None)
    assert states() == [("released", "c1")]


PAST = {"issued_at": NOON - timedelta(days=30), "expires_at": NOON}


def test_a_refusal_names_each_code_by_its_place_and_reserves_none(
    till: APIClient, ada: Shopper, coupon: Coupon
) -> None:
    things.coupon(ada, 1, version=things.offer("tenth", percentage(exclusive=False)), currency="", **PAST)
    answer = reserve(till, CODE, "no-such-code", "ADA-MARK-1")
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "unknown",
        "detail": "There is no such code.",
        "fields": {
            "codes.1": [{"code": "unknown", "message": "There is no such code."}],
            "codes.2": [{"code": "expired", "message": "The coupon has expired."}],
        },
    }
    assert states() == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"lines": [{**LINE, "price": "29.99"}]}, "below_minimum"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"email": "ben-mark@example.com"}, "someone_elses"),
        ({"email": ""}, "no_address"),
        ({"codes": ["NO-SUCH-CODE"]}, "unknown"),
        ({"lines": []}, "below_minimum"),
    ],
)
def test_the_reason_is_a_stable_code(till: APIClient, coupon: Coupon, given: Any, reason: str) -> None:
    answer = reserve(till, **given)
    assert (answer.status_code, answer.json()["code"]) == (409, reason)
    checked = post(till, "check", {**BASKET, "codes": [CODE], **given}).json()
    later = reason not in ("someone_elses", "unknown")
    assert (checked["taken"], checked["reason"], checked["coupons"][0]["later"]) == (False, reason, later)
    assert checked["coupons"][0]["discount"] == "0.00"


def test_who_is_signed_in_is_known_by_account(till: APIClient, ada: Shopper, coupon: Coupon) -> None:
    assert reserve(till, email="work@example.com").json()["code"] == "someone_elses"
    assert reserve(till, email="work@example.com", user=ada.user.pk).status_code == 200


def test_a_refused_reservation_stays_refused_under_its_key(till: APIClient, coupon: Coupon) -> None:
    body, key = {**BASKET, "codes": [CODE], "currency": "USD"}, {"Idempotency-Key": "one"}
    first, again = (post(till, "reserve", body, **key) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (409, 409, first.json())
    other = post(till, "reserve", {**body, "currency": "EUR"}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_the_last_use_goes_to_one_basket(till: APIClient, coupon: Coupon) -> None:
    reserve(till)
    assert reserve(till, cart="c2").json()["code"] == "reserved"
    commit(till)
    assert reserve(till, cart="c2").json()["code"] == "used"


def test_a_code_that_was_never_reserved_is_not_committed(till: APIClient, coupon: Coupon) -> None:
    answer = commit(till)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reserved")
    assert commit(till, "no-such-code").json()["fields"] == {
        "codes.0": [{"code": "unknown", "message": "There is no such code."}]
    }
    assert states() == []


def test_after_the_lease_the_order_has_it_in_excess_where_it_is_gone(till: APIClient, coupon: Coupon) -> None:
    reserve(till)
    redemptions.release_leases(at=NOON + timedelta(hours=1))
    reserve(till, cart="c2")
    assert [use["state"] for use in commit(till).json()] == ["excess"]


def test_two_that_stand_together_are_shown_each(till: APIClient, ada: Shopper) -> None:
    things.coupon(ada, 0, version=things.offer("tenth", percentage(exclusive=False)), currency="")
    things.coupon(ada, 1, version=things.offer("five", amount(("EUR", 500, None), exclusive=False)))
    answers = [
        post(till, "check", {**BASKET, "codes": codes}).json() for codes in (["ADA-MARK-1", CODE], [CODE, "ADA-MARK-1"])
    ]
    assert [one["discount"] for one in answers[0]["coupons"]] == ["5.00", "4.00"]
    assert answers[1]["coupons"] == answers[0]["coupons"][::-1]
    assert {(answer["goods"], answer["total"], answer["discount"]) for answer in answers} == {
        ("31.00", "35.00", "9.00")
    }


def test_prices_are_in_the_currencys_own_digits(till: APIClient, ada: Shopper) -> None:
    things.coupon(ada, version=things.offer("tenth", percentage()), currency="")
    yen = {**BASKET, "currency": "JPY", "lines": [{"price": "1234"}], "shipping": "0"}
    answer = post(till, "check", {**yen, "code": CODE}).json()
    assert (answer["lines"], answer["total"], answer["discount"]) == (["1111"], "1111", "123")
    dinars = {**BASKET, "currency": "KWD", "lines": [{"price": "1.234"}], "shipping": "0"}
    assert post(till, "check", {**dinars, "code": CODE}).json()["total"] == "1.111"


# Odd input


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"currency": "XYZ"}, "currency", "currency"),
        ({"currency": "eur"}, "currency", "currency"),
        ({"codes": ["A" * 10_000]}, "codes.0", "max_length"),
        ({"codes": ["AB\x00CD"]}, "codes.0", "null_characters_not_allowed"),
        ({"codes": [CODE, CODE.lower()]}, "codes", "repeated"),
        ({"codes": [f"CODE-{n}" for n in range(21)]}, "codes", "max_length"),
        ({"codes": None}, "codes", "null"),
        ({"lines": [{**LINE, "price": "-1"}]}, "lines.0.price", "min_value"),
        ({"lines": [LINE, {**LINE, "quantity": 0}]}, "lines.1.quantity", "min_value"),
        ({"lines": [{**LINE, "quantity": 10**30}]}, "lines.0.quantity", "max_value"),
        ({"lines": [{**LINE, "price": "1" * 30}]}, "lines.0.price", "max_digits"),
        ({"lines": [{**LINE, "price": "1e400"}]}, "lines.0.price", "max_digits"),
        ({"lines": [{**LINE, "price": "NaN"}]}, "lines.0.price", "invalid"),
        ({"lines": [{**LINE, "price": "39.999"}]}, "lines.0.price", "digits"),
        ({"lines": [{**LINE, "now": "40.01"}]}, "lines.0.now", "too_much"),
        ({"lines": [LINE] * 10_000}, "lines.non_field_errors", "max_length"),
        ({"lines": [{**LINE, "product": "p\x00"}]}, "lines.0.product", "null_characters_not_allowed"),
        ({"lines": [{**LINE, "categories": ["x"] * 101}]}, "lines.0.categories", "max_length"),
        ({"lines": {}}, "lines.non_field_errors", "not_a_list"),
        ({"worth": "40"}, "non_field_errors", "lines_or_worth"),
        ({"shipping": "-0.01"}, "shipping", "min_value"),
        ({"shipping": "0.001"}, "shipping", "digits"),
        ({"cart": "c" * 129}, "cart", "max_length"),
        ({"user": 2**63}, "user", "max_value"),
        ({"email": "a\x00@example.com"}, "email", "null_characters_not_allowed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["check", "reserve"])
def test_what_is_no_basket_is_told_so(
    till: APIClient, coupon: Coupon, call: str, given: Any, field: str, code: str
) -> None:
    answer = post(till, call, {**BASKET, "codes": [CODE], **given})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["fields"][field][0]["code"] == code
    assert states() == []


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("check", {**BASKET}, "code_or_codes"),
        ("check", {**BASKET, "code": "A", "codes": ["A"]}, "code_or_codes"),
        ("check", {"code": "A", "currency": "EUR"}, "lines_or_worth"),
        ("release", {}, "order_or_cart"),
        ("release", {"order": "1", "cart": "c1"}, "order_or_cart"),
    ],
)
def test_one_of_two_is_said(till: APIClient, call: str, body: Any, code: str) -> None:
    answer = post(till, call, body)
    assert (answer.status_code, answer.json()["fields"]["non_field_errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize("field", [*LINE, "now", "categories"])
def test_odd_values_in_lines(till: APIClient, coupon: Coupon, settings: Any, field: str) -> None:
    settings.RETENTION = {**settings.RETENTION, "API_EVENTS_PER_MINUTE": 10**6}
    for value in [*VALUES, "1e400", "-1", "9" * 5000]:
        for call in ("check", "reserve"):
            body = json.dumps({**BASKET, "codes": [CODE], "lines": [{**LINE, field: value}]})
            answer = till.post(f"{V1}coupons/{call}/", body, content_type="application/json")
            harmless(answer, (call, field, str(value)[:40]))


def test_the_dearest_basket_that_there_can_be_is_reckoned(till: APIClient, ada: Shopper) -> None:
    things.coupon(ada, version=things.offer("half", percentage("50")), currency="")
    line = {"price": "9999999999.9999", "quantity": 1_000_000}
    body = {**BASKET, "currency": "UYW", "lines": [line] * 1000, "codes": [CODE], "shipping": "9999999999.9999"}
    answer = post(till, "reserve", body)
    assert (answer.status_code, answer.json()["discount"]) == (200, "4999999999999.9500")
    assert Redemption.objects.get(state="reserved").discount_minor == 49_999_999_999_999_500


# Who may, who tries, and what staff see


def test_a_token_that_may_only_use_coupons_sees_no_list_of_them(till: APIClient, coupon: Coupon) -> None:
    assert till.get(f"{V1}coupons/").status_code == 403
    viewer = people.staff("viewer", "retention_campaigns.view_coupon", "retention_campaigns.void_coupon")
    for call in ("check", "reserve", "commit", "release"):
        assert post(viewer, call, {}).status_code == 403


def test_who_tries_too_many_codes_waits_whichever_call_it_is(till: APIClient, coupon: Coupon, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 3}
    wrong = {"codes": ["NO-SUCH-CODE"], "origin": "203.0.113.9"}
    statuses = [reserve(till, **wrong).status_code, post(till, "check", {**BASKET, **wrong}).status_code]
    assert [*statuses, reserve(till, **wrong).status_code] == [409, 200, 409]
    blocked = reserve(till, origin="203.0.113.9")
    assert (blocked.status_code, blocked.json()["code"], blocked["Retry-After"]) == (429, "too_many_tries", "3600")
    assert reserve(till, origin="203.0.113.10").status_code == 200
    assert commit(till).status_code == 200


def test_staff_see_what_was_refused_and_how_many_codes_were_guessed(till: APIClient, ada: Shopper) -> None:
    things.coupon(ada, **PAST)
    for key in ("one", "two"):
        body = {**BASKET, "codes": [CODE, "NO-SUCH-CODE"]}
        assert post(till, "reserve", body, **{"Idempotency-Key": key}).status_code == 409
    assert [guess.count for guess in Guess.objects.all()] == [2]
    staff_ask_for_themselves = {**BASKET, "code": CODE}
    post(till, "check", staff_ask_for_themselves)
    post(till, "check", {**BASKET, "code": CODE, "session": "s1"})
    rows = [(row.reason, row.where, row.cart) for row in Rejection.objects.order_by("pk")]
    assert rows == [(Reason.EXPIRED, "api", "c1")] * 3


def test_what_may_yet_fit_is_no_case_for_staff_each_time_that_the_basket_is_shown(
    till: APIClient, coupon: Coupon
) -> None:
    body = {**BASKET, "lines": [{"price": "1.00"}], "code": CODE, "session": "s1"}
    assert post(till, "check", body).json()["reason"] == "below_minimum"
    assert Rejection.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_baskets_at_once_one_gets_the_last_use() -> None:
    things.coupon(people.shopper("ada"))
    people.staff("till", "retention_campaigns.redeem_coupon")
    account = people.get_user_model().objects.get(username="till")

    def buy(number: int) -> int:
        client = people.client(account)
        first = reserve(client, cart=f"c{number}").status_code
        return first if first != 200 else commit(client, order=str(number), cart=f"c{number}").status_code

    answers = all_well(together(*[lambda n=n: buy(n) for n in range(8)]))
    assert sorted(answers) == [200] + [409] * 7
    assert Coupon.objects.get().used == 1
