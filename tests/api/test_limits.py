"""Limits are exact, per account where somebody is signed in, per network address where nobody is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from tests.api import people
from tests.api.people import NOON, V1, Shopper
from tests.races.together import all_well, together


@pytest.fixture
def low(settings: Any) -> None:
    """Limits that a test can reach."""
    settings.RETENTION = {
        **settings.RETENTION,
        "API_WRITES_PER_MINUTE": 3,
        "API_EVENTS_PER_MINUTE": 5,
        "API_OPEN_PER_MINUTE": 4,
    }


def write(client: APIClient) -> Any:
    return client.patch(f"{V1}me/", {}, format="json")


@pytest.mark.usefixtures("low")
def test_an_account_has_so_many_writes_a_minute_and_is_told_how_long_to_wait(ada: Shopper, ben: Shopper) -> None:
    with time_machine.travel(NOON + timedelta(seconds=15), tick=False):
        assert [write(ada.client).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = write(ada.client)
        assert refused.json()["code"] == "throttled"
        assert refused["Retry-After"] == "45"
        assert write(ben.client).status_code == 200
    with time_machine.travel(NOON + timedelta(seconds=60), tick=False):
        assert write(ada.client).status_code == 200


@pytest.mark.usefixtures("low")
def test_reading_is_not_counted(ada: Shopper) -> None:
    assert {ada.client.get(f"{V1}me/").status_code for _ in range(10)} == {200}
    assert write(ada.client).status_code == 200


@pytest.mark.usefixtures("low")
def test_another_address_is_no_way_round(ada: Shopper) -> None:
    answers = [
        ada.client.patch(
            f"{V1}me/", {}, format="json", REMOTE_ADDR=f"192.0.2.{n}", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}"
        )
        for n in range(4)
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


@pytest.mark.usefixtures("low")
def test_events_have_a_limit_of_their_own(root: APIClient) -> None:
    def report(number: int) -> Any:
        return root.post(f"{V1}events/", {"id": str(number), "kind": "changed", "order": "1"}, format="json")

    assert [report(number).status_code for number in range(6)] == [202] * 5 + [429]
    assert write(root).status_code == 200


@pytest.mark.usefixtures("low")
def test_the_document_is_limited_per_network_address(nobody: APIClient) -> None:
    def ask(address: str, forwarded: str = "") -> int:
        return nobody.get(f"{V1}schema/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=forwarded).status_code

    assert [ask("192.0.2.1") for _ in range(5)] == [200] * 4 + [429]
    assert ask("192.0.2.2") == 200


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize(
    ("proxies", "statuses"),
    [
        pytest.param(None, [200] * 4 + [429], id="no proxy: the header is anybody's text"),
        pytest.param(1, [200] * 5, id="one proxy: the last entry is its own"),
    ],
)
def test_num_proxies_says_whose_word_counts(
    nobody: APIClient, settings: Any, proxies: int | None, statuses: list[int]
) -> None:
    settings.RETENTION = {**settings.RETENTION, "NUM_PROXIES": proxies}
    answers = [
        nobody.get(f"{V1}schema/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"203.0.113.9, 198.51.100.{n}")
        for n in range(5)
    ]
    assert [answer.status_code for answer in answers] == statuses


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_so_many_pass(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "API_WRITES_PER_MINUTE": 7}
    ada = people.shopper("ada")
    answers = all_well(together(*[lambda: write(people.client(ada.user)).status_code] * 32))
    assert sorted(answers) == [200] * 7 + [429] * 25
