"""Many workers at once on one file of balances, and on one log: each person once, each order once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from loyalty import balance_file
from loyalty.models import Account, BalanceLine, Entry
from loyalty.services import balances, verifying
from loyalty.services.points import KeyReused
from retention.models import Customer, Fact, Order, Refund
from retention.services import logs
from tests.loyalty.till import start
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE, THREADS = 200, 4


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of two hundred people wait for a worker, ten lines a piece."""
    start()
    Customer.objects.bulk_create(
        Customer(kind="import", source="log", number=str(number), created_at=NOW) for number in range(PEOPLE)
    )
    monkeypatch.setattr(balances, "PIECE", 10)
    text = "customer_id,points\n" + "".join(f"{number},5\n" for number in range(PEOPLE))
    how: dict[str, Any] = {"source": "Smile", "trusts_accounts": False}
    reading = balance_file.read(text.encode(), at=NOW)
    balances.start(balances.keep(reading, balances.look(reading, **how), by="mia", at=NOW, **how), at=NOW)


def work() -> None:
    while BalanceLine.objects.filter(state="looked").exists():
        balances.carry_on(at=NOW)


def test_workers_who_take_a_file_in_together_give_each_person_theirs_once(waiting: None) -> None:
    all_well(together(*[work] * THREADS))
    assert Account.objects.filter(balance=5).count() == PEOPLE
    assert Entry.objects.count() == PEOPLE
    assert set(BalanceLine.objects.values_list("state", flat=True)) == {"credited"}
    assert list(verifying.differences()) == []


@pytest.mark.postgres
def test_without_the_turn_they_get_into_each_others_way(waiting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def nobody_waits(name: str, *, wait: bool = False) -> Iterator[bool]:
        with transaction.atomic():
            yield True

    monkeypatch.setattr(balances, "one_at_a_time", nobody_waits)
    results = together(*[work] * THREADS)
    assert any(isinstance(result, (IntegrityError, KeyReused, DatabaseError, KeyError)) for result in results)
    assert Entry.objects.count() <= PEOPLE, "what the database itself holds: a person once"


def test_workers_who_take_a_log_in_together_take_each_order_once(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = ["ts,type,event_id,order_id,customer_id,amount\n"]
    for number in range(60):
        at = NOW - timedelta(days=400) + timedelta(hours=number)
        lines.append(f"{at:%Y-%m-%d %H:%M},order,O{number},O{number},{number % 7},10.00\n")
        lines.append(f"{at + timedelta(hours=3):%Y-%m-%d %H:%M},refund,R{number},O{number},{number % 7},4.00\n")
    path.write_text("".join(lines))
    start(award_history=True, currency="GBP")
    how: dict[str, Any] = {"name": "log", "orders_only": False, "at": NOW}

    def take_in() -> None:
        with logs.looked_at(path, currency="GBP", **how) as (stand, _):
            logs.take_in(stand, path, batch=8, **how)

    all_well(together(*[take_in] * THREADS))
    logs.tell(at=NOW)
    assert (Order.objects.count(), Refund.objects.count()) == (60, 60)
    assert Fact.objects.filter(kind="retention.OrderPlaced").count() == 60
    assert sum(Account.objects.values_list("balance", flat=True)) == 60 * 6
    assert list(verifying.differences()) == []
