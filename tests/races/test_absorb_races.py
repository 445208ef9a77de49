"""A row that is absorbed while somebody notes what its person did, and the order in which joining locks."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.locks import hold
from loyalty.models import Account, ActionAward, Entry
from loyalty.services import actions, verifying
from loyalty.services.actions import Done
from retention.models import Customer
from retention.services import customers
from tests.loyalty.till import account, join, start, who
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def row() -> Customer:
    """A customer of a log, where a survey is worth 20 points."""
    actions.set_rule(start(), action="survey", points=20, often="thing", at=NOW)
    return Customer.objects.create(kind="import", source="till", number="7", created_at=NOW)


def answer(row: Customer) -> None:
    actions.did([Done(action="survey", customer=row.pk, subject="1", at=NOW)], at=NOW)


def absorbed_meanwhile(row: Customer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Note an answer, and let the row be absorbed after it was read and before the answer is written."""
    read, joined, user = threading.Event(), threading.Event(), join()
    key_of = actions.key_of

    def slowly(*given: Any, **how: Any) -> str:
        read.set()
        joined.wait(2)
        return key_of(*given, **how)

    def absorb() -> None:
        assert read.wait(30)
        assert customers.absorb(row, into=who(user), at=NOW)
        joined.set()

    monkeypatch.setattr(actions, "key_of", slowly)
    all_well(together(lambda: answer(row), absorb))
    return user


def test_what_somebody_did_goes_along_when_their_row_is_absorbed_meanwhile(
    row: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = absorbed_meanwhile(row, monkeypatch)
    assert list(ActionAward.objects.values_list("customer", "state")) == [(who(user).pk, "given")]
    assert account(user) == (20, 0)
    assert list(verifying.differences()) == []


@pytest.mark.postgres
def test_without_the_lock_on_the_row_it_stays_behind(row: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_customers(rows: Any, **how: Any) -> Any:
        return [] if rows.model is Customer else hold(rows, **how)

    monkeypatch.setattr(actions, "hold", no_customers)
    user = absorbed_meanwhile(row, monkeypatch)
    assert list(ActionAward.objects.values_list("customer", flat=True)) == [row.pk]
    assert account(user) == (0, 0)
    assert Account.objects.get(customer=row).balance == 20


@pytest.mark.postgres
def test_joining_locks_awards_before_accounts(row: Customer) -> None:
    user = join()
    answer(row)
    actions.did([Done(action="survey", customer=who(user).pk, subject="1", at=NOW)], at=NOW)
    ActionAward.objects.create(
        key=f"survey:{row.pk}:2", rule=ActionAward.objects.all()[0].rule, customer=row, subject="2", state="guest",
        points=20, at=NOW,
    )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        assert customers.absorb(row, into=who(user), at=NOW)
    locked = [found[1] for one in asked if (found := re.search(r'FROM "retention_loyalty_(\w+)".* FOR ', one["sql"]))]
    first = locked.index("account")
    assert locked[:first] == ["claim", "actionaward", "actionaward"]  # theirs, and what waited for an account
    assert "orderaward" not in locked[first:]
    assert account(user) == (40, 0)
    assert Entry.objects.filter(kind="reversal").count() == 1
