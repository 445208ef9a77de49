"""A write with a key is done once, and answered the same again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from retention import setup
from retention.locks import one_at_a_time
from retention.models import ConsentEvidence, IdempotentRequest, Message
from retention.services import persons
from tests.api import people
from tests.api.people import NOON, V1, Shopper
from tests.races.together import together

KEY = {"Idempotency-Key": "one"}
YES = {"granted": True, "text": "News by mail"}


def test_the_same_request_again_is_not_done_again(ada: Shopper) -> None:
    first = ada.client.post(f"{V1}me/proof/", headers=KEY)
    with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
        again = ada.client.post(f"{V1}me/proof/", headers=KEY)
        other = ada.client.post(f"{V1}me/proof/", headers={"Idempotency-Key": "two"})
    assert [first.status_code, again.status_code, other.status_code] == [202, 202, 202]
    assert again.content == first.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Message.objects.filter(mail="retention.prove_address").count() == 2


def test_the_first_answer_comes_back_though_the_world_went_on(ada: Shopper) -> None:
    first = ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    ada.client.patch(f"{V1}me/", {"first_name": "B"}, format="json")
    again = ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    assert again.json() == first.json()
    assert ada.client.get(f"{V1}me/").json()["first_name"] == "B"


@pytest.mark.parametrize(
    ("path", "body"), [("me/", {"first_name": "B"}), ("me/?x=1", {"first_name": "A"})], ids=["body", "query"]
)
def test_the_same_key_with_another_request_is_refused(ada: Shopper, path: str, body: Any) -> None:
    ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    answer = ada.client.patch(V1 + path, body, format="json", headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert ada.client.get(f"{V1}me/").json()["first_name"] == "A"


def test_the_same_key_at_another_route_is_refused(ada: Shopper) -> None:
    ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    answer = ada.client.put(f"{V1}me/consent/survey/", YES, format="json", headers=KEY)
    assert answer.status_code == 422
    assert ConsentEvidence.objects.filter(customer=ada.customer, purpose="survey").count() == 0


def test_the_same_key_of_two_people_is_two_keys(ada: Shopper, ben: Shopper) -> None:
    ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    answer = ben.client.patch(f"{V1}me/", {"first_name": "B"}, format="json", headers=KEY)
    assert answer.json()["first_name"] == "B"
    assert ada.client.get(f"{V1}me/").json()["first_name"] == "A"


def test_a_refusal_is_an_answer_too(ada: Shopper) -> None:
    first = ada.client.patch(f"{V1}me/", {"language": "xx"}, format="json", headers=KEY)
    again = ada.client.patch(f"{V1}me/", {"language": "xx"}, format="json", headers=KEY)
    assert (again.status_code, again.json()) == (400, first.json())
    assert again["Idempotent-Replayed"] == "true"


def test_a_fault_of_ours_leaves_neither_an_answer_nor_half_a_change(
    ada: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def half(customer: Any, **given: Any) -> None:
            type(customer).objects.filter(pk=customer.pk).update(first_name="half")
            raise ZeroDivisionError

        patched.setattr("retention.services.profile.change", half)
        with pytest.raises(ZeroDivisionError):
            ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    assert IdempotentRequest.objects.count() == 0
    assert ada.client.get(f"{V1}me/").json()["first_name"] == ada.mark
    answer = ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    assert (answer.status_code, answer.json()["first_name"]) == (200, "A")


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "ключ", "a b", "a\x00"])
def test_a_key_that_cannot_be_kept_is_refused_before_anything_is_done(ada: Shopper, key: str) -> None:
    answer = ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert ada.client.get(f"{V1}me/").json()["first_name"] == ada.mark


def test_a_key_on_a_read_changes_nothing(ada: Shopper) -> None:
    ada.client.get(f"{V1}me/", headers=KEY)
    assert IdempotentRequest.objects.count() == 0


def test_a_key_where_there_is_nothing_to_do_is_no_key(ada: Shopper) -> None:
    for client in (ada.client, people.client()):
        statuses = [client.post(V1 + path, headers=KEY).status_code for path in ("no/such/thing/", "schema/", "")]
        assert statuses == [404, 405, 404]
    assert ada.client.delete(f"{V1}me/", headers=KEY).status_code == 405
    assert people.client().post(f"{V1}me/proof/", headers=KEY).status_code == 401
    assert IdempotentRequest.objects.count() == 0


def test_keys_are_forgotten_after_a_day(ada: Shopper) -> None:
    ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    [tick] = [tick for tick in setup.TICKS if tick.name == "retention.prune"]
    tick.run(NOON + timedelta(hours=24))
    assert IdempotentRequest.objects.count() == 1
    tick.run(NOON + timedelta(hours=24, seconds=1))
    assert IdempotentRequest.objects.count() == 0


def test_who_is_forgotten_leaves_no_answer_behind(ada: Shopper, ben: Shopper) -> None:
    for shopper in (ada, ben):
        shopper.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)
    persons.erase_person(ada.customer, at=NOON)
    assert [row.user for row in IdempotentRequest.objects.all()] == [ben.user]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_under_way_the_second_is_told_so() -> None:
    ada = people.shopper("ada")

    def second() -> Any:
        return ada.client.patch(f"{V1}me/", {"first_name": "A"}, format="json", headers=KEY)

    with one_at_a_time(f"retention.request:{ada.user.pk}:one"):
        [answer] = together(second)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert second().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done() -> None:
    ada = people.shopper("ada")

    def ask() -> Any:
        return people.client(ada.user).put(f"{V1}me/consent/survey/", YES, format="json", headers=KEY)

    answers = together(*[ask] * 8)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 409}, [answer.content for answer in answers]
    assert sum(answer.status_code == 200 and "Idempotent-Replayed" not in answer for answer in answers) == 1
    assert ConsentEvidence.objects.filter(customer=ada.customer, purpose="survey").count() == 1
    assert connection.vendor == "postgresql" or set(statuses) == {200}
