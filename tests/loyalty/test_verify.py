"""`loyalty_verify` rebuilds every balance from the entries and finds any difference."""

from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.models import Account, CapTally, OrderAward, Programme, Reward
from loyalty.services import actions, tallies, verifying
from loyalty.services.actions import Done
from retention import registry
from retention.models import Heartbeat
from retention.services import ticks
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import join, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def two_orders(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(pending_days=14)
    shop.place(user=join())
    shop.place(user=join("bob@example.com"))
    drain(clock.now)


def verify() -> str:
    out = StringIO()
    call_command("loyalty_verify", stdout=out)
    return out.getvalue()


def test_an_honest_ledger_passes() -> None:
    assert verify() == "2 accounts agree with the ledger.\n"


def test_a_balance_that_somebody_wrote_is_found() -> None:
    account = Account.objects.order_by("pk")[0]
    Account.objects.filter(pk=account.pk).update(balance=7, pending=41)
    out = StringIO()
    with pytest.raises(CommandError, match="2 differences"):
        call_command("loyalty_verify", stdout=out)
    assert out.getvalue().splitlines() == [
        f"account {account.pk}: balance is 7, its entries say 0",
        f"account {account.pk}: pending is 41, its entries say 40",
    ]


def test_a_debt_that_is_not_one_is_found() -> None:
    Account.objects.update(owed=5)
    assert [(one.column, one.cached, one.rebuilt) for one in verifying.differences()] == [("owed", 5, 0)] * 2


def test_an_award_that_differs_from_its_entries_is_found() -> None:
    OrderAward.objects.filter(order="1").update(pending=39)
    assert [str(one) for one in verifying.differences()] == [
        f"award {OrderAward.objects.get(order='1').pk}: pending is 39, its entries say 40"
    ]


def test_an_entry_that_somebody_changed_behind_our_back_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE retention_loyalty_entry SET points = points + 1, bucket = 'balance'")
    assert {one.what for one in verifying.differences()} == {"account", "award", "entry"}


def test_a_stock_from_which_nobody_has_taken_is_found(clock: Clock) -> None:
    prize = Reward.objects.create(
        name="Prize", kind="custom", cost=10, stock=5, taken=2, active=True, created_at=clock.now
    )
    assert [str(one) for one in verifying.differences()] == [f"reward {prize.pk}: taken is 2, its entries say 0"]


def test_what_is_used_of_a_limit_and_nobody_got_is_found(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    programme = Programme.objects.get()
    Programme.objects.update(cap_day=60, cap_month=1000, cap_orders=True)
    actions.set_rule(programme, action="review", points=5, often="thing", approval=False, at=clock.now)
    ada = join("cyd@example.com")
    actions.did([Done(action="review", customer=who(ada).pk, subject="cup", at=clock.now)], at=clock.now)
    shop.place(user=ada)
    shop.place(user=ada)
    drain(clock.now)
    assert dict(CapTally.objects.values_list("period", "used")) == {"day": 60, "month": 60}
    assert list(verifying.differences()) == []
    month = CapTally.objects.get(period="month")
    CapTally.objects.filter(pk=month.pk).update(used=61)
    assert [str(one) for one in verifying.differences()] == [f"limit {month.pk}: used is 61, its entries say 60"]


def test_what_goes_back_while_a_limit_is_off_is_not_used_of_it_later(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    Programme.objects.update(cap_day=60, cap_total=1000, cap_orders=True)
    order = shop.place(user=join("cyd@example.com"))
    drain(clock.now)
    assert dict(CapTally.objects.values_list("period", "used")) == {"day": 40, "all": 40}
    Programme.objects.update(cap_day=None, cap_total=None)
    shop.mark(order, "cancelled")
    drain(clock.now)
    assert dict(CapTally.objects.values_list("period", "used")) == {"day": 0, "all": 0}
    assert list(verifying.differences()) == []


def test_the_nightly_tick_fails_where_staff_see_it(clock: Clock) -> None:
    Account.objects.update(balance=7)
    ticks.run(registry.ticks["loyalty.verify"], at=clock.now)
    assert Heartbeat.objects.get(name="loyalty.verify").error.startswith("LedgerDiffers: 2 differences: account")


def test_a_limit_that_is_used_while_its_awards_are_added_up_is_no_difference(
    shop: FakeShop, clock: Clock, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    Programme.objects.update(cap_day=60, cap_orders=True)
    shop.place(user=join("cyd@example.com"))
    drain(clock.now)
    CapTally.objects.update(used=50)  # an order was settled after its award had been looked for
    orders = tallies._orders

    def meanwhile() -> Iterator[Any]:
        CapTally.objects.update(used=60)
        return orders()

    monkeypatch.setattr(tallies, "_orders", meanwhile)
    assert list(tallies.beyond()) == []
    assert [tally.used for tally, _ in tallies.beyond()] == [60], "it stands still now"
