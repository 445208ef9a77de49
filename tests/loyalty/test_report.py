"""How points and tiers stood at an instant, compared with the plainest reading of the definitions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from math import floor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from loyalty.models import Entry, Programme, TierTable
from loyalty.services import expiry, verifying
from loyalty.services import report as report_of
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, join, start, table

pytestmark = pytest.mark.django_db

Drain = Callable[[datetime], None]

FIRST = datetime(2024, 1, 5, tzinfo=UTC)
LIFE = timedelta(days=180)
HEAD = "seq,ts,type,event_id,order_id,customer_id,amount\n"


@dataclass(frozen=True)
class Event:
    at: datetime
    kind: str
    event: str
    order: str
    number: str
    minor: int


def events(seed: int, *, many: int = 220, people: int = 9, days: int = 560) -> list[Event]:
    """Return a log of orders and refunds, some of them long after; times come twice."""
    random = Random(seed)
    found = []
    for number in range(many):
        at = FIRST + timedelta(hours=random.randrange(days * 24 // 6) * 6)
        minor = random.choice([99, 2500, 12345, 40000, random.randrange(1, 90000)])
        order = Event(at, "order", f"O{number}", f"O{number}", str(random.randrange(people) or ""), minor)
        found.append(order)
        left = minor
        for refund in range(random.choice([0, 0, 0, 1, 2])):
            back = random.choice([left, random.randrange(left + 1)])
            left -= back
            when = at + timedelta(hours=random.randrange(300 * 24))
            found.append(Event(when, "refund", f"R{number}/{refund}", order.order, order.number, back))
    return sorted(found, key=lambda event: event.at)


def write(log: list[Event], path: Path) -> Path:
    rows = [
        f"{seq},{event.at:%Y-%m-%d %H:%M:%S},{event.kind},{event.event},{event.order},{event.number},"
        f"{event.minor // 100}.{event.minor % 100:02}\n"
        for seq, event in enumerate(log, start=1)
    ]
    path.write_text(HEAD + "".join(rows))
    return path


def points_of_orders(log: list[Event], at: datetime, policy: str) -> dict[str, tuple[Event, int]]:
    """Return order → what it is worth by what happened before ``at``; R1, R2, R3."""
    found = {}
    for order in (event for event in log if event.kind == "order" and event.number and event.at < at):
        refunds = [e.minor for e in log if e.kind == "refund" and e.order == order.order and e.at < at]
        earned = order.minor // 100
        left = {
            "R1": max(0, (order.minor - sum(refunds)) // 100),
            "R2": max(0, earned - sum(refund // 100 for refund in refunds)),
            "R3": earned - floor(earned * sum(refunds) / order.minor),
        }[policy]
        found[order.order] = (order, left)
    return found


def spending(log: list[Event], at: datetime, each: int) -> dict[str, int]:
    """Return R4: balance, who has one, earned, redeemed, how often."""
    lots: dict[str, list[list[Any]]] = {}
    earned = redeemed = 0
    for order in (event for event in log if event.kind == "order" and event.number and event.at < at):
        mine = lots.setdefault(order.number, [])
        mine[:] = [lot for lot in mine if lot[0] + LIFE > order.at]
        if sum(lot[1] for lot in mine) >= each:
            redeemed += 1
            need = each
            for lot in mine:
                taken = min(need, lot[1])
                lot[1] -= taken
                need -= taken
        mine.append([order.at, order.minor // 100])
        earned += order.minor // 100
    balances = [sum(left for when, left in mine if when + LIFE > at) for mine in lots.values()]
    return {
        "balance": sum(balances), "customers_with_balance": sum(balance > 0 for balance in balances),
        "earned": earned, "redeemed": redeemed * each, "redemptions": redeemed,
    }  # fmt: skip


def report(at: datetime) -> Any:
    out = StringIO()
    call_command("loyalty_report", "--json", f"--until={at:%Y-%m-%d}", stdout=out)
    return json.loads(out.getvalue())


def take_in(path: Path, *options: str) -> None:
    call_command("retention_import", str(path), "--currency=EUR", *options, stdout=StringIO())


INSTANTS = [datetime(2024, month, 1, tzinfo=UTC) for month in (2, 5, 8, 11)] + [
    datetime(2025, month, 1, tzinfo=UTC) for month in (2, 5, 9)
]
POLICY = {"R1": "recompute", "R2": "amount", "R3": "proportional"}


@pytest.mark.parametrize("name", sorted(POLICY))
def test_points_at_an_instant_are_what_happened_before_it(name: str, tmp_path: Path) -> None:
    start(award_history=True, refund_policy=POLICY[name])
    log = events(1)
    take_in(write(log, tmp_path / "log.csv"))
    for at in INSTANTS:
        wanted = points_of_orders(log, at, name)
        got = report(at)["points"]
        assert got["balance_total"] == {name: sum(points for _, points in wanted.values())}, at
        assert got["earned_total"] == sum(order.minor // 100 for order, _ in wanted.values()), at
        assert got["clawed_back"] == {name: got["earned_total"] - got["balance_total"][name]}, at
        assert f"{at:%Y-%m-%d} 00:00:00" in got["outstanding_at_instant"]
    assert list(verifying.differences()) == []


@pytest.mark.parametrize("ended", [False, True], ids=["before the tick", "after the tick"])
@pytest.mark.parametrize("seed", [2, 3])
def test_what_has_ended_by_then_is_no_more(seed: int, ended: bool, tmp_path: Path) -> None:
    start(award_history=True, refund_policy="recompute", expires="days", expires_after=180)
    log = events(seed)
    take_in(write(log, tmp_path / "log.csv"), "--batch=40")
    if ended:
        expiry.expire(at=datetime(2026, 6, 1, tzinfo=UTC))
    for at in INSTANTS:
        wanted = sum(points for order, points in points_of_orders(log, at, "R1").values() if order.at + LIFE > at)
        assert report(at)["points"]["balance_R5_unexpired"] == wanted, at
    assert list(verifying.differences()) == []


@pytest.mark.parametrize("seed", [4, 5])
def test_old_orders_that_spend_leave_what_is_left_then(seed: int, tmp_path: Path) -> None:
    start(award_history=True, expires="days", expires_after=180, history_spends=500)
    log = events(seed)
    take_in(write(log, tmp_path / "log.csv"), "--orders-only", "--batch=70")
    for at in INSTANTS:
        assert report(at)["points"] == {"R4": spending(log, at, 500)}, at
    assert spending(log, INSTANTS[-1], 500)["redemptions"] > 10
    assert list(verifying.differences()) == []


def test_what_a_limit_stopped_was_neither_earned_nor_taken_back(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(cap_day=100, cap_orders=True)
    user = join()
    order = shop.place(user=user, total=Decimal("300.00"))
    drain(clock.now)

    def figures() -> tuple[int, int, int]:
        found = report_of.points(clock.forward(hours=1), ends=False)
        return found.earned, found.clawed_back, found.outstanding

    assert figures() == (100, 0, 100)
    shop.refund(order, Decimal("150.00"), at=clock.now)
    drain(clock.now)
    assert figures() == (100, 0, 100)  # what was stopped goes first
    shop.refund(order, Decimal("90.00"), at=clock.now)
    drain(clock.now)
    assert figures() == (100, 40, 60)
    shop._change(order, refunds=())
    drain(clock.now)
    assert figures() == (100, 0, 100)
    shop.place(user=user, total=Decimal("20.00"), at=clock.forward(days=1))
    drain(clock.now)
    assert figures() == (120, 0, 120)


def test_tiers_at_an_instant_are_those_of_what_was_spent_in_the_window_before_it(tmp_path: Path) -> None:
    table(("Bronze", 0), ("Silver", 150000), ("Gold", 400000), window_days=90)
    log = events(6)
    take_in(write(log, tmp_path / "log.csv"))
    [rows] = report(INSTANTS[-1])["tiers"].values()
    before: dict[str, int] = {}
    for row in rows:
        at = datetime.fromisoformat(row["as_of"]).replace(tzinfo=UTC)
        orders = [event for event in log if event.kind == "order" and event.number and event.at < at]
        spend = dict.fromkeys((order.number for order in orders), 0)
        for order in orders:
            if order.at >= at - timedelta(days=90):
                back = [e.minor for e in log if e.kind == "refund" and e.order == order.order and e.at < at]
                spend[order.number] += order.minor - sum(back)
        ranks = {number: (minor >= 150000) + (minor >= 400000) for number, minor in spend.items()}
        wanted = {"Bronze": 0, "Silver": 0, "Gold": 0}
        for rank in ranks.values():
            wanted[list(wanted)[rank]] += 1
        assert {name: row[name] for name in wanted} == wanted, at
        assert row["members"] == len(ranks)
        if before:
            assert row["upgraded"] == sum(ranks[number] > rank for number, rank in before.items())
            assert row["downgraded"] == sum(ranks[number] < rank for number, rank in before.items())
        before = ranks
    assert len(rows) == 20


def test_the_same_log_again_changes_nothing(tmp_path: Path) -> None:
    start(award_history=True)
    path = write(events(7, many=40), tmp_path / "log.csv")
    take_in(path)
    before = list(Entry.objects.order_by("pk").values())
    take_in(path)
    assert list(Entry.objects.order_by("pk").values()) == before


def test_orders_that_were_awarded_under_other_terms_are_no_policys(tmp_path: Path) -> None:
    programme = start(award_history=True, refund_policy="amount")
    take_in(write(events(7, many=5), tmp_path / "log.csv"))
    Programme.objects.filter(pk=programme.pk).update(refund_policy="recompute")
    with pytest.raises(CommandError, match="fresh database for each policy"):
        report(START)


def test_points_and_tiers_are_told_in_words(tmp_path: Path) -> None:
    start(award_history=True)
    table(("Bronze", 0), ("Silver", 5000))
    path = tmp_path / "log.csv"
    path.write_text(
        HEAD + "1,2024-01-10,order,A,A,1,100.00\n2,2024-02-10,refund,A/1,A,1,60.00\n3,2024-02-11,order,B,B,2,9.50\n"
    )
    take_in(path)
    out = StringIO()
    call_command("loyalty_report", "--until=2024-02-20", stdout=out)
    assert out.getvalue().splitlines() == [
        "Points by the programme “Points”",
        "2024-02-01 00:00: to spend 100 (customers: 1); earned 100, taken back 0, spent 0, ended 0.",
        "2024-02-20 00:00: to spend 49 (customers: 2); earned 109, taken back 60, spent 0, ended 0.",
        "Tiers by the table “Tiers”, by what makes a tier begin",
        "2024-02-01 00:00: customers 1; Bronze 0, Silver 1",
        "2024-02-20 00:00: customers 2; Bronze 2, Silver 0; 0 up, 1 down",
    ]


def test_a_table_that_does_not_go_by_spend_is_left_out_and_said_to_be() -> None:
    table(("Bronze", 0), ("Silver", 3), currency="", metric="orders")
    out = StringIO()
    call_command("loyalty_report", stdout=out)
    assert out.getvalue().splitlines()[-1] == ("The tier table “Tiers” does not go by spend: the report leaves it out.")
    assert report(START) == {}


def test_without_programme_and_tiers_the_report_says_so() -> None:
    out = StringIO()
    call_command("loyalty_report", stdout=out)
    assert out.getvalue().splitlines() == ["No programme is active.", "No tier table is active."]
    assert report(START) == {}


def test_a_time_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(CommandError, match="'yesterday' is no time"):
        call_command("loyalty_report", "--until=yesterday")


# Settings by command


def arrange(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_programme_is_set_up_by_a_command_and_the_same_again_changes_nothing() -> None:
    words = [
        "loyalty_programme",
        "--currency=eur",
        "--points=0.5",
        "--pending-days=0",
        "--history",
        "--expires-days=90",
    ]
    first = arrange(*words)
    assert "An order of goods for €100.00 earns 50 points." in first
    assert "Points end 90 days after they can be used." in first
    assert arrange(*words) == first
    [programme] = Programme.objects.all()
    assert (programme.pending_days, programme.award_history, programme.expires_after) == (0, True, 90)
    arrange("loyalty_programme", "--refunds=amount")
    programme.refresh_from_db()
    assert (programme.refund_policy, programme.expires, programme.rates.count()) == ("amount", "days", 1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--currency=EUR", "--points=0"], "rate of zero"),
        (["--currency=EUR", "--points=lots"], "is no number"),
        (["--currency=EUR"], "--currency and --points together"),
        (["--currency=XXQ", "--points=1"], "is no currency"),
        (["--expires-days=0"], "greater than or equal to 1"),
        (["--expires-days=99999"], "less than or equal to"),
        (["--pending-days=400"], "violated|return window|year"),
        (["--history-spends=-5"], "greater than or equal to"),
    ],
)
def test_a_programme_that_makes_no_sense_is_refused(words: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        arrange("loyalty_programme", *words)
    assert Programme.objects.count() == 0


def test_tiers_are_put_in_force_by_a_command_and_the_same_again_changes_nothing() -> None:
    words = ["loyalty_tiers", "--currency=EUR", "--window-days=90", "Bronze=0", "Silver=250.50"]
    assert "€250.50 within 90 days makes Silver." in arrange(*words)
    arrange(*words)
    assert TierTable.objects.count() == 1
    arrange(*words[:-1], "Silver=300")
    assert list(TierTable.objects.order_by("pk").values_list("active", flat=True)) == [False, True]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["Bronze=0", "Silver=0"], "begin at the same spend"),
        (["Gold=500", "Silver=100"], "begins at less"),
        (["Bronze"], "is no tier"),
        (["Bronze=x"], "is no tier"),
        (["Bronze=-1"], "is no tier"),
        (["Bronze=0", "bronze=5"], "Two tiers are called"),
    ],
)
def test_a_tier_table_that_makes_no_sense_is_refused(words: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        arrange("loyalty_tiers", "--currency=EUR", *words)
    assert TierTable.objects.count() == 0
