"""Old orders: each thing that happened to them is an entry with its own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from loyalty.models import Account, Entry, Lot, LotMove, OrderAward, Programme
from loyalty.services import awards, expiry, points, verifying
from retention.models import Customer, Job
from retention.services import customers, logs
from tests.loyalty.till import join, start, who

pytestmark = pytest.mark.django_db

HEAD = "ts,type,event_id,order_id,customer_id,amount\n"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def take_in(tmp_path: Path) -> Any:
    """Return what takes in lines of a log in EUR."""

    def take_in(text: str, *options: str, head: str = HEAD) -> None:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text(head + text)
        call_command("retention_import", str(path), "--currency=EUR", *options, verbosity=0)

    return take_in


def told(number: str = "1") -> list[tuple[str, str, int]]:
    """Return when and why points of a customer moved, and how many, in the order of the ledger."""
    rows = Entry.objects.filter(account__customer__number=number).order_by("pk")
    return [(f"{row.at:%m-%d}", row.kind, row.points) for row in rows]


def balance(number: str = "1") -> int:
    return Account.objects.get(customer__number=number).balance


def test_each_thing_that_happened_has_its_own_time(take_in: Any) -> None:
    start(award_history=True)
    take_in(
        "2025-01-01,order,A,A,1,100.00\n"
        "2025-02-01,refund,A/1,A,1,30.00\n"
        "2025-03-01,order,B,B,1,50.00\n"
        "2025-04-01,refund,A/2,A,1,70.00\n"
    )  # fmt: skip
    assert told() == [
        ("01-01", "award", 100), ("02-01", "clawback", -30), ("03-01", "award", 50), ("04-01", "clawback", -70),
    ]  # fmt: skip
    assert (balance(), list(verifying.differences())) == (50, [])


def test_points_have_ended_before_what_happened_later(take_in: Any) -> None:
    programme = start(award_history=True, expires="days", expires_after=60)
    expiry.switch_on(programme, at=NOW)
    take_in(
        "2025-01-01,order,A,A,1,100.00\n"
        "2025-01-20,refund,A/1,A,1,30.00\n"
        "2025-03-10,refund,A/2,A,1,70.00\n"
        "2025-03-20,order,B,B,1,50.00\n"
    )  # fmt: skip
    assert told() == [
        ("01-01", "award", 100), ("01-20", "clawback", -30), ("03-02", "expiry", -70), ("03-20", "award", 50),
    ]  # fmt: skip
    expiry.expire(at=NOW)
    assert told()[-1] == ("05-19", "expiry", -50)
    assert (balance(), list(verifying.differences())) == (0, [])


def test_an_old_order_spends_what_the_balance_has_just_before_it_the_oldest_first(take_in: Any) -> None:
    programme = start(award_history=True, expires="days", expires_after=100, history_spends=50)
    expiry.switch_on(programme, at=NOW)
    take_in(
        "2025-01-01,order,A,A,1,40.00\n"
        "2025-02-01,order,B,B,1,30.00\n"
        "2025-03-01,order,C,C,1,10.00\n"
        "2025-05-20,order,D,D,1,10.00\n",
        "--orders-only",
    )
    assert told() == [
        ("01-01", "award", 40), ("02-01", "award", 30), ("03-01", "spend", -50), ("03-01", "award", 10),
        ("05-12", "expiry", -20), ("05-20", "award", 10),
    ]  # fmt: skip
    assert list(verifying.differences()) == []


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_how_many_lines_are_taken_in_at_once_is_no_matter(take_in: Any, at_once: int) -> None:
    programme = start(award_history=True, expires="days", expires_after=60, history_spends=50)
    expiry.switch_on(programme, at=NOW)
    take_in(
        "2025-01-01,order,A,A,1,40.00\n"
        "2025-01-01,order,B,B,1,30.00\n"
        "2025-01-01,order,C,C,1,10.00\n"
        "2025-02-01,order,D,D,2,90.00\n"
        "2025-02-10,refund,B/1,B,1,30.00\n"
        "2025-03-20,refund,D/1,D,2,45.00\n"
        "2025-03-30,order,E,E,2,60.00\n"
        "2025-04-20,refund,D/2,D,2,45.00\n",
        f"--batch={at_once}",
    )
    assert told("1") == [
        ("01-01", "award", 40), ("01-01", "award", 30), ("01-01", "spend", -50), ("01-01", "award", 10),
        ("02-10", "clawback", -30),
    ]  # fmt: skip
    assert told("2") == [
        ("02-01", "award", 90), ("03-20", "clawback", -45), ("03-30", "award", 60), ("04-02", "expiry", -45),
    ]  # fmt: skip
    assert list(verifying.differences()) == []


def test_who_listens_late_hears_it_in_time(take_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    programme = start(award_history=True, expires="days", expires_after=60)
    expiry.switch_on(programme, at=NOW)
    with monkeypatch.context() as nobody:
        nobody.setattr(logs, "tell", lambda at: None)
        take_in(
            "2025-01-01,order,A,A,1,100.00\n"
            "2025-04-01,order,B,B,1,50.00\n"
            "2025-04-10,refund,A/1,A,1,100.00\n",
            "--batch=1",
        )  # fmt: skip
    assert told() == []
    logs.tell(at=NOW)
    assert told() == [("01-01", "award", 100), ("03-02", "expiry", -100), ("04-01", "award", 50)]


def test_pending_points_open_when_their_window_closes(take_in: Any) -> None:
    start(award_history=True, pending_days=14)
    take_in(
        "2025-01-01,order,A,A,1,100.00\n"
        "2025-01-10,refund,A/1,A,1,30.00\n"
        "2025-02-01,refund,A/2,A,1,20.00\n"
        "2025-03-01,order,B,B,1,50.00\n"
    )  # fmt: skip
    assert told() == [
        ("01-01", "award", 100), ("01-10", "clawback", -30), ("01-15", "open", -70), ("01-15", "open", 70),
        ("02-01", "clawback", -20), ("03-01", "award", 50),
    ]  # fmt: skip
    assert awards.open_due(at=NOW, limit=10) == 1
    assert told()[-2:] == [("03-15", "open", -50), ("03-15", "open", 50)]
    assert balance() == 100


def test_a_refund_that_comes_late_is_dated_by_the_last_word_before_it(take_in: Any) -> None:
    start(award_history=True)
    take_in("2025-01-01,order,A,A,1,100.00\n2025-03-01,refund,A/2,A,1,30.00\n")
    take_in("2025-02-01,refund,A/1,A,1,20.00\n")
    assert told() == [("01-01", "award", 100), ("03-01", "clawback", -30), ("03-01", "clawback", -20)]


def test_nothing_ends_while_a_log_is_being_taken_in(take_in: Any) -> None:
    programme = start(award_history=True, expires="days", expires_after=60)
    expiry.switch_on(programme, at=NOW)
    take_in("2025-01-01,order,A,A,1,100.00\n")
    Job.objects.update(state="running", moved_at=NOW)
    assert (expiry.expire(at=NOW), balance()) == (0, 100)
    assert (expiry.expire(at=NOW + timedelta(minutes=11)), balance()) == (1, 0)


def test_what_is_not_awarded_is_not_played(take_in: Any) -> None:
    start(history_spends=50)
    take_in("2025-01-01,order,A,A,1,100.00\n2025-01-02,order,B,B,1,100.00\n")
    assert (Entry.objects.count(), Account.objects.count()) == (0, 0)


def test_a_guests_orders_hold_no_points(take_in: Any) -> None:
    start(award_history=True, history_spends=50)
    take_in("2025-01-01,order,A,A,,100.00\n2025-01-02,refund,A/1,A,,10.00\n")
    assert (Entry.objects.count(), Account.objects.count()) == (0, 0)
    assert Customer.objects.get().kind == "guest"


@pytest.mark.parametrize("has_points", [False, True], ids=["without points of their own", "with points of their own"])
def test_who_proves_the_mailbox_gets_what_is_left_of_it_and_nothing_that_has_ended(
    take_in: Any, has_points: bool
) -> None:
    programme = start(award_history=True, expires="days", expires_after=100, history_spends=50)
    expiry.switch_on(programme, at=NOW)
    user = join("ada@example.com")
    if has_points:
        points.grant([("welcome", who(user).pk, "")], points=10, source="test", at=NOW)
    late = NOW - timedelta(days=20)
    take_in(
        "ts,type,event_id,order_id,customer_id,email,amount\n"
        "2025-01-01,order,A,A,1,ada@example.com,90.00\n"
        "2025-02-01,order,B,B,1,,30.00\n"
        f"{late - timedelta(days=40):%Y-%m-%d},order,C,C,1,,60.00\n"
        f"{late:%Y-%m-%d},order,D,D,1,,70.00\n"
        f"{late:%Y-%m-%d},refund,C/1,C,1,,5.00\n",
        "--batch=2",
        head="",
    )
    # A 90, 50 of it spent by B, 40 ended; B 30, ended; C 60, 50 of it spent by D; D 70
    expiry.expire(at=NOW)
    left = balance("1")
    assert left == 75
    customers.prove_address(who(user), at=NOW)
    logs.tell(at=NOW)
    expiry.expire(at=NOW)
    mine = Account.objects.get(customer__user=user)
    assert (mine.balance, balance("1")) == (left + 10 * has_points, 0)
    assert list(verifying.differences()) == []


@pytest.mark.parametrize("spends", [None, 50])
def test_a_programme_that_comes_after_the_log_awards_as_if_it_had_been_there(take_in: Any, spends: int | None) -> None:
    log = (
        "2025-01-01,order,A,A,1,40.00\n"
        "2025-02-01,order,B,B,1,30.00\n"
        "2025-02-10,refund,B/1,B,1,10.00\n"
        "2025-03-01,order,C,C,1,10.00\n"
        "2025-05-20,order,D,D,1,10.00\n"
        "2025-05-20,order,E,E,,10.00\n"
    )  # fmt: skip
    take_in(log)
    assert Entry.objects.count() == 0
    start(award_history=True, expires="days", expires_after=100, history_spends=spends)
    while awards.settle_history(at=NOW, limit=2):
        pass
    late = told()
    assert late[-1] == ("05-20", "award", 10)
    assert (("03-01", "spend", -50) in late) is (spends is not None)
    assert awards.settle_history(at=NOW) == 0
    assert list(verifying.differences()) == []
    # the same as if it had come before
    programme = Programme.objects.get()
    for row in (LotMove, Lot):
        row.objects.all().delete()
    OrderAward.objects.all().delete()
    Entry.objects.all()._raw_delete("default")
    Account.objects.update(balance=0)
    Programme.objects.filter(pk=programme.pk).update(expiry_since=None)
    awards.settle(dict.fromkeys("ABCD", NOW))
    assert told() == late


def test_old_orders_that_do_not_earn_are_left_alone(take_in: Any) -> None:
    take_in("2025-01-01,order,A,A,1,40.00\n")
    start()
    assert awards.settle_history(at=NOW) == 0
    assert Entry.objects.count() == 0
