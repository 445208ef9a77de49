"""Many plain rows are written in the fastest way that the database has, and are the same rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from campaigns.facts import CouponIssued
from retention import rows
from retention.models import Customer, Fact, Suppression
from retention.services import facts

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def issued(count: int) -> list[CouponIssued]:
    odd = 'tab\t, line\n, back\\slash, "quote", ü'
    return [CouponIssued(customer=n or None, at=NOW, coupon=n, offer=odd, source="") for n in range(count)]


@pytest.mark.parametrize("count", [1, facts.MANY - 1, facts.MANY, 1000])
def test_facts_are_the_same_however_many_are_published_at_once(count: int) -> None:
    facts.publish(issued(count))
    stored = Fact.objects.order_by("pk").values_list("kind", "customer", "happened_at", "payload", "position")
    assert list(stored) == [
        ("campaigns.CouponIssued", fact.customer, NOW, fact.payload(), None) for fact in issued(count)
    ]


def test_what_goes_wrong_writes_nothing_and_leaves_the_transaction_of_the_caller() -> None:
    row = ("a" * 64, "all", "staff", NOW)
    names = ("address_hash", "scope", "reason", "at")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.write(Suppression, names, [row, row])
    assert Suppression.objects.count() == 0
    rows.write(Suppression, names, [row])
    assert Suppression.objects.count() == 1


@pytest.mark.postgres
def test_many_facts_are_no_insert_of_instances() -> None:
    with CaptureQueriesContext(connection) as asked:
        facts.publish(issued(1000))
    assert [query for query in asked if query["sql"].startswith("INSERT")] == []


def rules(count: int) -> list[Suppression]:
    return [Suppression(address_hash=f"{n:064}", scope="all", reason="staff", at=NOW) for n in range(count)]


def test_instances_that_are_created_by_the_thousand_know_their_ids_and_are_what_is_stored() -> None:
    made = rules(1000)
    rows.create(made)
    assert len({row.pk for row in made}) == 1000
    stored = Suppression.objects.order_by("address_hash")
    assert list(stored) == made
    assert list(stored.values_list("address_hash", "scope", "reason", "at")) == [
        (f"{n:064}", "all", "staff", NOW) for n in range(1000)
    ]
    later = Suppression.objects.create(address_hash="b" * 64, scope="all", reason="staff", at=NOW)
    assert later.pk not in {row.pk for row in made}
    made[0].reason = "bounced"
    made[0].save()  # an UPDATE: the instance knows that it is stored
    assert Suppression.objects.count() == 1001


def test_of_instances_of_which_one_is_there_already_none_is_created() -> None:
    rows.create(rules(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.create(rules(3))
    assert Suppression.objects.count() == 1
    rows.create([])
    assert Suppression.objects.count() == 1


def test_among_many_values_are_those_that_in_would_find() -> None:
    odd = ["a\"b{c},\\d%s'@x.example", "ben@x.example"]
    Customer.objects.bulk_create(
        Customer(kind="guest", email=one, address=one, created_at=NOW) for one in [*odd, "cleo@x.example"]
    )
    found = Customer.objects.filter(rows.Among(F("address"), odd)).order_by("pk")
    assert list(found.values_list("address", flat=True)) == odd
    ids = {one.pk for one in found}
    assert Customer.objects.filter(rows.Among(F("pk"), ids), kind="guest").update(first_name="Q") == 2
    assert Customer.objects.exclude(rows.Among(F("pk"), ids)).get().address == "cleo@x.example"
    assert not Customer.objects.filter(rows.Among(F("pk"), [])).exists()


@pytest.mark.postgres
def test_among_many_values_is_one_parameter() -> None:
    sql, params = Customer.objects.filter(rows.Among(F("pk"), range(400))).query.sql_with_params()
    assert (sql.count("%s"), params) == (1, ([*range(400)],))
