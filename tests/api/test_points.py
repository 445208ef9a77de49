"""Points over the API: a wallet in one query however long its history, and corrections that happen once."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from loyalty.models import Absence, Account, Correction, Entry
from loyalty.services import corrections
from retention.models import Customer
from tests.api import people, things
from tests.api.people import NOON, V1, Shopper
from tests.races.together import all_well, together


@pytest.fixture
def ada(db: None) -> Shopper:
    """Ada, who has no points yet."""
    return people.shopper("ada")


def wallet(shopper: Shopper) -> Any:
    return shopper.client.get(f"{V1}me/points/").json()


def test_who_never_had_a_point_has_an_empty_wallet(ada: Shopper) -> None:
    empty = {"balance": 0, "held": 0, "owed": 0, "pending": 0, "tier": None}
    assert wallet(ada) == {"member": True, "stands_until": None, **empty}
    assert Account.objects.count() == 0
    assert ada.client.get(f"{V1}me/points/tier/").status_code == 204
    for path in ("entries", "pending"):
        assert ada.client.get(f"{V1}me/points/{path}/").json() == {"next": None, "results": []}


def test_the_wallet_says_balance_pending_tier_and_what_for(ada: Shopper) -> None:
    [silver, _] = things.tiers(("Silver", 1000), ("Gold", 50000))
    things.stand(ada, silver)
    account = things.give_points(ada, 100, 20)
    Account.objects.filter(pk=account.pk).update(pending=7)
    answer = wallet(ada)
    assert (answer["balance"], answer["owed"], answer["pending"]) == (120, 0, 7)
    assert answer["tier"] == {"name": "Silver", "since": "2026-03-02T13:00:00+01:00"}


def test_who_leaves_sees_until_when_points_stand_and_comes_back_once(ada: Shopper) -> None:
    things.give_points(ada, 100)
    left = ada.client.post(f"{V1}me/points/leave/").json()
    assert (left["member"], ada.client.post(f"{V1}me/points/leave/").json()) == (False, left)
    answer = wallet(ada)
    assert (answer["member"], answer["balance"], answer["stands_until"]) == (False, 100, left["stands_until"])
    for _ in range(2):
        back = ada.client.post(f"{V1}me/points/return/").json()
        assert back == {"member": True, "left_at": None, "stands_until": None}
    assert (wallet(ada)["member"], wallet(ada)["balance"]) == (True, 100)
    assert Absence.objects.exclude(returned_at=None).count() == 1


def ledger(shopper: Shopper) -> Any:
    return shopper.client.get(f"{V1}me/points/entries/").json()["results"]


def test_the_ledger_says_what_for(ada: Shopper) -> None:
    account = things.give_points(ada, 100)
    entry = Entry.objects.create(
        account=account, key="k", kind="award", bucket="balance", points=20, balance_after=120, order="ada-mark-1",
        at=NOON,
    )  # fmt: skip
    Entry.objects.create(account=account, key="p", kind="award", bucket="pending", points=5, balance_after=120, at=NOON)
    assert ledger(ada)[0] == {
        "id": entry.pk,
        "at": "2026-03-02T13:00:00+01:00",
        "what": "Order 101-ada-mark",
        "points": 20,
        "balance_after": 120,
        "order": "ada-mark-1",
    }
    assert [(row["what"], row["points"]) for row in ledger(ada)[1:]] == [("Given by the shop", 100)]


def test_the_ledger_answers_what_its_schema_says(ada: Shopper) -> None:
    things.give_points(ada, 1)
    document = ada.client.get(f"{V1}schema/").json()
    schemas = document["components"]["schemas"]
    assert set(ledger(ada)[0]) == set(schemas["MyEntry"]["required"])
    assert set(wallet(ada)) == set(schemas["Wallet"]["required"])


def test_a_debt_is_not_a_negative_balance(ada: Shopper) -> None:
    things.give_points(ada, 10)
    corrections.correct(ada.customer, amount=-25, reason="slip", author="staff", key="1", at=NOON)
    answer = wallet(ada)
    assert (answer["balance"], answer["owed"]) == (0, 15)
    assert "slip" not in str(answer)


def test_the_tier_says_what_is_missing_to_the_next(ada: Shopper) -> None:
    [silver, _] = things.tiers(("Silver", 1000), ("Gold", 50000))
    things.stand(ada, silver)
    ada.customer.orders.update(paid_at=NOON)
    answer = ada.client.get(f"{V1}me/points/tier/").json()
    assert (answer["tier"], answer["next_tier"], answer["currency"]) == ("Silver", "Gold", "EUR")
    assert (answer["spent"], answer["missing"], answer["percent"]) == ("23.00", "477.00", 4)


def test_pending_points_are_said_by_order(ada: Shopper) -> None:
    things.give_points(ada, 1)
    award = things.pending(ada)
    [row] = ada.client.get(f"{V1}me/points/pending/").json()["results"]
    assert row == {"id": award.pk, "order": "ada-mark-0", "points": 7, "opens_at": None}


def test_the_wallet_takes_one_query_beyond_the_token_however_long_its_history(ada: Shopper) -> None:
    [silver] = things.tiers(("Silver", 1000))
    things.stand(ada, silver)
    account = things.give_points(ada, 1)
    assert people.queries(ada.client, "me/points/") == 2
    Entry.objects.bulk_create(
        Entry(account=account, key=f"k{n}", kind="award", bucket="balance", points=1, balance_after=n, at=NOON)
        for n in range(300)
    )
    assert people.queries(ada.client, "me/points/") == 2
    # the same for a page of the ledger: token, customer, entries with their orders' numbers
    assert people.queries(ada.client, "me/points/entries/") == 3


def test_the_ledger_is_paged_without_doubles(ada: Shopper) -> None:
    things.give_points(ada, *range(1, 13))
    first = ada.client.get(f"{V1}me/points/entries/?page_size=5").json()
    second = ada.client.get(first["next"]).json()
    third = ada.client.get(second["next"]).json()
    points = [row["points"] for page in (first, second, third) for row in page["results"]]
    assert points == list(range(12, 0, -1))
    assert third["next"] is None


def correct(client: APIClient, shopper: Shopper, points: Any, *, key: str = "one", reason: str = "sorry") -> Any:
    return client.post(
        f"{V1}points/{shopper.customer.pk}/correct/",
        {"points": points, "reason": reason},
        format="json",
        headers={"Idempotency-Key": key} if key else {},
    )


def test_a_correction_happens_once_per_key_with_reason_and_author(ada: Shopper) -> None:
    clerk = people.staff("clerk", "retention_loyalty.adjust_points")
    answers = [correct(clerk, ada, 50) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert answers[1].json() == answers[0].json()
    correct(clerk, ada, -20, key="two")
    assert Account.objects.get().balance == 30
    rows = Correction.objects.order_by("pk").values_list("reason", "author", "entry__points")
    assert list(rows) == [("sorry", "clerk", 50), ("sorry", "clerk", -20)]


def test_without_a_key_each_request_is_a_correction_of_its_own(ada: Shopper, root: APIClient) -> None:
    for _ in range(2):
        assert correct(root, ada, 5, key="").status_code == 201
    assert Account.objects.get().balance == 10


@pytest.mark.parametrize(
    ("points", "reason", "field", "code"),
    [
        (0, "sorry", "points", "zero"),
        (10_001, "sorry", "points", "too_much"),
        (-10_001, "sorry", "points", "too_much"),
        (5, " ", "reason", "blank"),
        ("x", "sorry", "points", "invalid"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(
    ada: Shopper, root: APIClient, points: Any, reason: str, field: str, code: str
) -> None:
    answer = correct(root, ada, points, reason=reason)
    assert answer.status_code == 400
    assert answer.json()["fields"][field][0]["code"] == code
    assert Entry.objects.count() == 0


def test_a_guest_holds_no_points(ada: Shopper, root: APIClient) -> None:
    guest = Customer.objects.create(kind=Customer.Kind.GUEST, created_at=NOON)
    answer = correct(root, people.Shopper(name="guest", user=None, customer=guest, client=root), 5)
    assert (answer.status_code, answer.json()["code"]) == (409, "holds_no_points")


def test_looking_is_not_correcting(ada: Shopper) -> None:
    things.give_points(ada, 10)
    clerk = people.staff("clerk", "retention_loyalty.view_account", "retention_loyalty.view_entry")
    assert correct(clerk, ada, 5).status_code == 403
    assert clerk.get(f"{V1}points/{ada.customer.pk}/").json()["balance"] == 10
    assert [row["points"] for row in clerk.get(f"{V1}points/entries/").json()["results"]] == [10]


def test_staff_filter_the_ledger_in_one_query(ada: Shopper, root: APIClient) -> None:
    ben = people.shopper("ben")
    things.give_points(ada, 1, 2)
    things.give_points(ben, 3)
    for query, expected in {
        "": 3, f"customer={ben.customer.pk}": 1, "kind=grant": 3, "kind=award": 0, "bucket=pending": 0,
        "source=ada-mark": 2, "at_before=2026-03-02T12:00:00Z": 0, "order=x": 0,
    }.items():  # fmt: skip
        assert len(root.get(f"{V1}points/entries/?{query}").json()["results"]) == expected, query
    assert [people.queries(root, "points/entries/"), people.queries(root, "points/")] == [2, 2]
    assert len(root.get(f"{V1}points/?balance_min=3").json()["results"]) == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_corrections_with_one_key_at_once_one_happens() -> None:
    ada = people.shopper("ada")
    boss = people.user("boss", is_staff=True, is_superuser=True)
    statuses = all_well(together(*[lambda: correct(people.client(boss), ada, 5).status_code] * 6))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Account.objects.get().balance == 5
