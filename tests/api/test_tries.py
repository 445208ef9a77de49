"""Tries that a headless shop passes on for its shoppers: counted before the look-up, 429 for who tries too often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from campaigns.models import Guess
from retention.models import Block
from tests.api import people, things
from tests.api.people import NOON, V1
from tests.races.together import all_well, together


class LookUps:
    """Counts the look-ups of codes that start with GUESS."""

    count = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT") and any(str(value).startswith("GUESS") for value in params or ()):
            self.count += 1
        return execute(sql, params, many, context)


def check(client: APIClient, code: str, **given: Any) -> Any:
    body = {"code": code, "currency": "EUR", "worth": "30", "email": "ada-mark@example.com", **given}
    return client.post(f"{V1}coupons/check/", body, format="json")


@pytest.fixture
def limit(settings: Any) -> int:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 5, "API_WRITES_PER_MINUTE": 100_000}
    return 5


@pytest.mark.django_db(transaction=True)  # in one transaction rows that are counted up again and again become slow
@pytest.mark.parametrize(
    ("addresses", "tries"), [(20, 50), pytest.param(100, 100, marks=pytest.mark.faults)], ids=["1000", "10000"]
)
def test_wrong_codes_of_many_shoppers_are_looked_up_as_often_as_configured(
    root: APIClient, limit: int, addresses: int, tries: int
) -> None:
    things.coupon(people.shopper("ada"))
    look_ups = LookUps()
    answers = []
    with connection.execute_wrapper(look_ups):
        for attempt in range(tries):
            for number in range(addresses):
                who = {"origin": f"198.51.100.{number}", "session": f"s{number}"}
                answers.append(check(root, f"GUESS-{number}-{attempt}", **who).status_code)
    assert answers == [200] * (limit * addresses) + [429] * ((tries - limit) * addresses)
    assert look_ups.count == limit * addresses
    assert Guess.objects.get().count == limit * addresses
    assert check(root, "ADA-MARK-0", origin="198.51.100.0", session="new").status_code == 429
    assert check(root, "ADA-MARK-0", origin="203.0.113.9", session="s0").status_code == 429
    assert check(root, "ADA-MARK-0", origin="203.0.113.9", session="new").json()["taken"] is True


def test_who_must_wait_is_told_how_long_and_nothing_about_the_code(root: APIClient, limit: int) -> None:
    things.coupon(people.shopper("ada"))
    for _ in range(limit):
        check(root, "GUESS", origin="198.51.100.1")
    for code in ("GUESS", "ADA-MARK-0"):
        answer = check(root, code, origin="198.51.100.1")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
        assert answer.json() == {
            "code": "too_many_tries",
            "detail": "Many codes have been tried from here, so we take a short break. "
            "Please try again in 60 minutes: your basket stays as it is.",
            "fields": {},
        }
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert check(root, "ADA-MARK-0", origin="198.51.100.1").json()["taken"] is True


def test_without_a_shopper_nothing_is_counted(root: APIClient, limit: int) -> None:
    assert {check(root, "GUESS").status_code for _ in range(limit * 2)} == {200}
    assert Block.objects.count() == 0


def test_a_repeated_request_counts_and_being_blocked_is_not_kept_as_its_answer(root: APIClient, limit: int) -> None:
    things.coupon(people.shopper("ada"))
    body = {"code": "ADA-MARK-0", "currency": "EUR", "worth": "30", "email": "ada-mark@example.com", "origin": "::1"}

    def post(key: str) -> int:
        return root.post(f"{V1}coupons/check/", body, format="json", headers={"Idempotency-Key": key}).status_code

    assert [post("1") for _ in range(limit + 1)] == [200] * limit + [429]
    assert post("2") == 429
    assert Block.objects.get().level == 1
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert (post("1"), post("2")) == (200, 200)


@pytest.mark.parametrize("given", [{"origin": "x" * 65}, {"session": "x" * 129}, {"origin": []}, {"session": "\x00"}])
def test_a_shopper_that_cannot_be_named_so_is_refused(root: APIClient, given: dict[str, Any]) -> None:
    answer = check(root, "GUESS", **given)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(given))
    assert Block.objects.count() == 0


@pytest.mark.parametrize("code", ["A" * 10_000, "A\x00B", "", None])
def test_what_is_no_code_is_a_clear_answer(root: APIClient, code: Any) -> None:
    answer = check(root, code, origin="198.51.100.1")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["code"])


@pytest.mark.parametrize("code", ["ada-mark-0", "ADA\u200b-MARK-\u00ad0", "АДА".replace("Д", "D") + "–МАRК–0"])
def test_a_code_is_read_as_it_was_meant(root: APIClient, code: str) -> None:
    things.coupon(people.shopper("ada"))
    assert check(root, code).json()["taken"] is True


@pytest.mark.django_db(transaction=True)
def test_of_32_at_once_exactly_five_are_looked_up(limit: int) -> None:
    staff = people.user("root", is_staff=True, is_superuser=True)
    clients = [people.client(staff) for _ in range(32)]

    def ask(number: int) -> int:
        return check(clients[number], f"GUESS-{number}", origin="198.51.100.1", session=f"s{number}").status_code

    found = all_well(together(*[lambda number=number: ask(number) for number in range(32)]))
    assert sorted(found) == [200] * limit + [429] * (32 - limit)
    assert Guess.objects.get().count == limit
    assert Block.objects.filter(level=1).count() == 1
