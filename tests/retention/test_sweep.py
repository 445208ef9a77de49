"""Orders that nobody signalled, and changes that nobody told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from retention.models import Order, Signal
from retention.services import drain, installation, sweep
from tests.retention.ground import LIVE, happened, tell
from tests.retention.shop import NOON, LocalShop

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


def test_an_order_without_a_signal_is_found(shop: LocalShop) -> None:
    """A process was killed between the shop's commit and our row."""
    shop.place("A1", placed_at=NOON)
    assert sweep.sweep_new(at=NOON + HOUR) == 1
    assert happened() == ["OrderPlaced A1"]
    assert Order.objects.get().history is False, "it is news"
    assert Signal.objects.count() == 0


def test_it_looks_a_day_behind_the_last_one(shop: LocalShop) -> None:
    sweep.sweep_new(at=NOON)
    shop.place("late", placed_at=NOON - DAY)
    shop.place("too late", placed_at=NOON - DAY - SECOND)
    shop.asked.clear()
    assert sweep.sweep_new(at=NOON + HOUR) == 1
    assert shop.asked == [["late"]]


def test_the_first_one_looks_a_day_behind_going_live(shop: LocalShop) -> None:
    shop.place("A1", placed_at=LIVE - DAY)
    shop.place("A0", placed_at=LIVE - DAY - SECOND)
    assert sweep.sweep_new(at=NOON) == 1
    assert [order.reference for order in Order.objects.all()] == ["A1"]


@pytest.mark.django_db
def test_before_going_live_only_the_last_day_is_read(bare_shop: LocalShop) -> None:
    bare_shop.place("A1", placed_at=NOON - HOUR)
    bare_shop.place("A0", placed_at=NOON - 2 * DAY)
    assert sweep.sweep_new(at=NOON) == 1
    assert Order.objects.get().history is True


def test_a_sweep_that_fails_looks_at_the_same_time_again(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**given: object) -> None:
        raise ConnectionError("the shop is away")

    sweep.sweep_new(at=NOON)
    with monkeypatch.context() as patch:
        patch.setattr(shop, "iter_orders", down)
        with pytest.raises(ConnectionError):
            sweep.sweep_new(at=NOON + 3 * DAY)
    assert installation.get().swept_until == NOON
    shop.place("A1", placed_at=NOON + DAY)
    assert sweep.sweep_new(at=NOON + 3 * DAY) == 1


def test_an_order_that_cannot_be_read_becomes_a_signal_and_the_others_are_read(shop: LocalShop) -> None:
    shop.place("A1")
    shop.place("A2")
    shop.broken = {"A1"}
    assert sweep.sweep_new(at=NOON + HOUR) == 1, "what was rolled back is not counted"
    assert list(Signal.objects.values_list("kind", "reference", "outcome")) == [("sweep", "A1", "")]
    shop.broken = set()
    drain.drain(at=NOON + HOUR)
    assert sorted(happened()) == ["OrderPlaced A1", "OrderPlaced A2"]


def test_open_orders_are_read_by_age_and_final_ones_are_not(shop: LocalShop) -> None:
    for reference, age, final in [("young", HOUR, False), ("old", 2 * DAY, False), ("done", HOUR, True)]:
        shop.place(reference, placed_at=NOON - age, final=final)
    tell(*shop.orders)
    shop.asked.clear()
    sweep.sweep_open(at=NOON)
    sweep.sweep_open(at=NOON, older=sweep.YOUNG, younger=sweep.MIDDLE)
    assert shop.asked == [["young"], ["old"]]


def test_a_silent_change_of_an_open_order_is_found(shop: LocalShop) -> None:
    shop.place("A1", placed_at=NOON - HOUR)
    tell("A1")
    shop.change("A1", cancelled_at=NOON)
    assert sweep.sweep_open(at=NOON + HOUR) == 1
    assert sweep.sweep_open(at=NOON + HOUR) == 0
    assert happened() == ["OrderPlaced A1", "OrderCancelled A1"]


def test_every_open_order_is_in_one_of_the_three_rounds(shop: LocalShop) -> None:
    ages = [timedelta(0), HOUR, 2 * DAY - SECOND, 2 * DAY, 14 * DAY - SECOND, 14 * DAY, 400 * DAY]
    for number, age in enumerate(ages):
        shop.place(f"A{number}", placed_at=NOON - age)
    tell(*shop.orders)
    shop.asked.clear()
    sweep.sweep_open(at=NOON)
    sweep.sweep_open(at=NOON, older=sweep.YOUNG, younger=sweep.MIDDLE)
    sweep.sweep_old(at=NOON)
    asked = [reference for batch in shop.asked for reference in batch]
    assert sorted(asked) == sorted(shop.orders), "each once"


def test_final_orders_are_read_for_ninety_days_for_late_refunds(shop: LocalShop, wiring: Callable[..., None]) -> None:
    shop.place("in time", placed_at=NOON - 90 * DAY + SECOND, final=True)
    shop.place("over", placed_at=NOON - 90 * DAY, final=True)
    tell("in time", "over")
    shop.refund("in time", "40.00")
    shop.refund("over", "40.00")
    assert sweep.sweep_old(at=NOON) == 1
    assert happened()[2:] == ["OrderRefunded in time"]


def test_many_orders_are_read_two_hundred_at_a_time(shop: LocalShop) -> None:
    for number in range(450):
        shop.place(f"A{number:03}", placed_at=NOON - HOUR)
    assert sweep.sweep_new(at=NOON) == 450
    assert [len(batch) for batch in shop.asked] == [200, 200, 50]
    shop.asked.clear()
    assert sweep.sweep_open(at=NOON) == 0
    assert [len(batch) for batch in shop.asked] == [200, 200, 50]
