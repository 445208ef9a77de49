"""Many plain rows are written in the fastest way that the database has, and are the same rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.facts import CouponIssued
from retention import rows
from retention.models import Fact, Suppression
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
