"""Guards that let one come after the other: a cart's turn, the locks of a recount and of a new code, and their order.

Each race is run once more with its guard off, and must go wrong then; otherwise it proves nothing.
"""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.db.models import Model, QuerySet, Value

from campaigns import queries
from campaigns.models import Coupon, OfferTally, Redemption
from campaigns.models.redemption import LIVE
from campaigns.services import holding, limits, redemptions, replacing, till
from retention.testing.shop import FakeShop
from tests.campaigns.carts import PlainShop, basket
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve, taken, tally
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

A_WHILE = 0.3
"""Seconds that one waits for another who cannot come, since it is locked out."""
ROUNDS = 6


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", PlainShop.capabilities)
    return fake_shop


def without_row_locks(monkeypatch: pytest.MonkeyPatch, model: type[Model]) -> None:
    lock = QuerySet.select_for_update

    def look(self: Any, **how: Any) -> Any:
        return self if self.model is model else lock(self, **how)

    monkeypatch.setattr(QuerySet, "select_for_update", look)


# The turn of a cart


def change_its_mind(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let carts ask for one code and for another at the same time. Returns how many hold both."""
    row = redemptions._row

    def late(*args: Any, **given: Any) -> Redemption:
        time.sleep(0.02)  # both have been counted, neither is written
        return row(*args, **given)

    monkeypatch.setattr(redemptions, "_row", late)
    terms = percentage(exclusive=False, uses=ROUNDS)
    codes = [give(make_offer(terms, slug=slug)).code for slug in ("one", "other")]
    for n in range(ROUNDS):
        mine = basket(reference=f"cart-{n}")
        all_well(together(*[lambda c=code, b=mine: till.reserve(b, [c], at=NOW) for code in codes]))
    held = Redemption.objects.filter(state__in=LIVE).values_list("cart", flat=True)
    assert set(held) == {f"cart-{n}" for n in range(ROUNDS)}
    assert sum(Coupon.objects.values_list("used", flat=True)) == len(held)
    return len(held) - ROUNDS


def test_of_two_requests_of_one_cart_the_later_one_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change_its_mind(monkeypatch) == 0


@pytest.mark.postgres
def test_without_turns_carts_hold_what_they_do_not_want(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def no_turn(cart: str) -> Iterator[None]:
        with transaction.atomic():
            yield

    monkeypatch.setattr(queries, "on_the_way", lambda name: Value(True))
    monkeypatch.setattr(holding, "turn", no_turn)
    assert change_its_mind(monkeypatch) > 0


@pytest.mark.postgres
def test_what_was_read_while_waiting_for_the_turn_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the turn has seen the cart as it was before; the control believes it."""
    take = redemptions._take

    def trusting(coupon: Coupon, *, at: Any, empty: str | None = None) -> None:
        take(coupon, at=at)

    monkeypatch.setattr(redemptions, "_take", trusting)
    assert change_its_mind(monkeypatch) > 0


# The hourly recount


def recount_while_somebody_buys(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], int]:
    """Count a limit of one use anew while one is taken, then try another. Returns its tally and the live uses."""
    offer = make_offer(max_uses=1)
    first, second = (give(offer, guest(f"{name}@example.com")) for name in ("ada", "bo"))
    counted, bought = threading.Event(), threading.Event()
    write = QuerySet.bulk_create

    def late(self: Any, rows: Any, *args: Any, **given: Any) -> Any:
        if self.model is OfferTally and not counted.is_set():
            counted.set()
            bought.wait(A_WHILE)
        return write(self, rows, *args, **given)

    monkeypatch.setattr(QuerySet, "bulk_create", late)

    def buy() -> None:
        counted.wait(10)
        reserve(first)
        bought.set()

    all_well(together(lambda: limits.recount(at=NOW), buy))
    if tally(offer) == [0]:
        reserve(second, "c2", email="bo@example.com")
    return tally(offer), Redemption.objects.filter(state__in=LIVE).count()


def test_a_use_taken_during_the_recount_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recount_while_somebody_buys(monkeypatch) == ([1], 1)


@pytest.mark.postgres
def test_a_recount_without_its_lock_would_forget_it_and_let_one_too_many_in(monkeypatch: pytest.MonkeyPatch) -> None:
    without_row_locks(monkeypatch, OfferTally)
    assert recount_while_somebody_buys(monkeypatch) == ([1], 2)


# The order in which limits are taken


def two_baskets_of_two_offers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let two baskets take of the limits of the same two offers, slowly. Returns what came of each."""
    offers = [make_offer(percentage(exclusive=False), slug=slug, max_uses=9) for slug in ("one", "other")]
    names = ("ada", "bo")
    codes = {name: [give(offer, guest(f"{name}@example.com")).code for offer in offers] for name in names}
    change = QuerySet.update

    def slowly(self: Any, **given: Any) -> int:
        changed = change(self, **given)
        if self.model is OfferTally:
            time.sleep(0.15)
        return changed

    monkeypatch.setattr(QuerySet, "update", slowly)

    def worker(name: str) -> Callable[[], Any]:
        mine = basket(reference=name, email=f"{name}@example.com")

        def work() -> Any:
            threading.current_thread().name = name
            return till.reserve(mine, codes[name], at=NOW).discount

        return work

    return together(*[worker(name) for name in names])


def test_baskets_of_the_same_offers_take_of_their_limits_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert two_baskets_of_two_offers(monkeypatch) == [400 + 360, 400 + 360]
    assert sorted(OfferTally.objects.values_list("taken", flat=True)) == [2, 2]


@pytest.mark.postgres
def test_in_two_orders_they_wait_for_each_other_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    def each_its_own_way(needed: Any) -> Any:
        return builtins.sorted(needed, reverse=threading.current_thread().name == "bo")

    monkeypatch.setattr(limits, "sorted", each_its_own_way, raising=False)
    results = two_baskets_of_two_offers(monkeypatch)
    assert sorted(type(one) for one in results if one != 760) == [OperationalError], results


# A new code, while a use of the old one falls back


def replace_while_a_basket_lets_go(monkeypatch: pytest.MonkeyPatch) -> int:
    """Reissue a code of two uses while the one that a basket held falls back. Returns how many uses there are now."""
    old = give(make_offer(percentage(uses=2)))
    reserve(old)
    looked, fallen = threading.Event(), threading.Event()
    issue = replacing.coupons.issue_many

    def late(*args: Any, **given: Any) -> Any:
        looked.set()
        fallen.wait(A_WHILE)
        return issue(*args, **given)

    monkeypatch.setattr(replacing.coupons, "issue_many", late)

    def let_go() -> None:
        looked.wait(10)
        redemptions.release_leases(at=NOW + timedelta(hours=1))
        fallen.set()

    all_well(together(lambda: replacing.reissue(old, source="test", at=NOW), let_go))
    return taken(old) + (Coupon.objects.get(replaces=old).max_uses or 0)


def test_a_use_that_falls_back_while_its_code_is_replaced_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert replace_while_a_basket_lets_go(monkeypatch) == 2


@pytest.mark.postgres
def test_without_the_lock_on_the_old_code_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    without_row_locks(monkeypatch, Coupon)
    assert replace_while_a_basket_lets_go(monkeypatch) == 1
