"""History is not news: which orders may start something."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from retention.models import Fact, Order
from retention.services import installation
from tests.retention.ground import LIVE, tell
from tests.retention.shop import NOON, LocalShop

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def marks(model: type = Order) -> dict[str, bool]:
    if model is Fact:
        return {row.payload["order"]: row.payload["history"] for row in Fact.objects.all()}
    return dict(Order.objects.values_list("reference", "history"))


@pytest.mark.django_db
def test_before_going_live_every_order_is_history(bare_shop: LocalShop) -> None:
    bare_shop.place("A1")
    tell("A1", at=NOON + SECOND)
    assert marks() == marks(Fact) == {"A1": True}


def test_an_order_placed_before_going_live_is_history(shop: LocalShop) -> None:
    shop.place("before", placed_at=LIVE - SECOND)
    shop.place("then", placed_at=LIVE)
    tell("before", "then", at=LIVE + SECOND)
    assert marks() == marks(Fact) == {"before": True, "then": False}


def test_an_order_first_seen_long_after_it_was_placed_is_history(shop: LocalShop) -> None:
    shop.place("late", placed_at=NOON - 3 * DAY - SECOND)
    shop.place("just", placed_at=NOON - 3 * DAY)
    tell("late", "just", at=NOON)
    assert marks() == {"late": True, "just": False}


def test_how_long_after_is_a_setting(shop: LocalShop, wiring: Callable[..., None]) -> None:
    wiring(NEWS_DAYS=1)
    shop.place("late", placed_at=NOON - DAY - SECOND)
    shop.place("just", placed_at=NOON - DAY)
    tell("late", "just", at=NOON)
    assert marks() == {"late": True, "just": False}


def test_history_stays_history_whatever_happens_to_it(shop: LocalShop) -> None:
    shop.place("old", placed_at=LIVE - DAY)
    tell("old", at=NOON)
    shop.change("old", paid_at=NOON)
    tell("old", at=NOON + SECOND)
    assert marks() == {"old": True}
    assert set(Fact.objects.values_list("payload__history", flat=True)) == {True}


def test_news_stay_news_when_they_grow_old(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1", at=NOON)
    shop.change("A1", delivered_at=NOON + 20 * DAY)
    tell("A1", at=NOON + 20 * DAY)
    assert marks() == {"A1": False}
    assert Fact.objects.get(kind="retention.OrderDelivered").payload["history"] is False


def test_going_live_is_stamped_once(shop: LocalShop) -> None:
    assert installation.go_live(at=NOON) == LIVE
    assert installation.get().live_since == LIVE
