"""Many at once who claim, spend, give up and order: no point spent twice or lost, no stock overrun, one discount.

Each negative control takes one guard off and must go wrong; otherwise these tests prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from oscar.apps.checkout.signals import pre_payment
from oscar.core.loading import get_model

from campaigns.models import Coupon
from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty.models import Account, Claim, Reward
from loyalty.services import claims, points, spending, verifying
from loyalty.services.rewards import No
from retention.models import Customer
from retention.services import customers
from retention.testing.clock import Clock
from retention.testing.settling import settle
from tests.loyalty.till import start
from tests.oscar.world import OscarWorld
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, BALANCES = 16, 40


def people(number: int, clock: Clock) -> list[Customer]:
    """Return so many members with 100 points each."""
    made = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{n}@example.com", created_at=clock.now) for n in range(number)
    )
    points.grant([(f"a{one.pk}", one.pk, "") for one in made], points=100, source="race", at=clock.now)
    return made


def reward(clock: Clock, **given: Any) -> Reward:
    """A coupon of 0.15 for 15 points."""
    terms = Terms(kind="amount", valid_days=30, money=(Money(currency="EUR", amount=15),))
    offer = offers.create(slug="small", name="Small", terms=terms, at=clock.now)
    return Reward.objects.create(
        **{"name": "Small", "cost": 15, "offer": offer, "active": True, "created_at": clock.now, **given}
    )


def spree(clock: Clock) -> list[Callable[[], tuple[int, int]]]:
    """Sixteen who claim, and spend, 15 points of each of forty balances, and give some claims up again.

    Each returns how many points it has spent and how many it has set aside.
    """
    small, everybody = reward(clock), people(BALANCES, clock)

    def worker(number: int) -> Callable[[], tuple[int, int]]:
        def work() -> tuple[int, int]:
            mine = list(everybody)
            random = Random(number)
            random.shuffle(mine)
            spent = held = 0
            for one in mine:
                key = f"{number}:{one.pk}"
                try:
                    if random.random() < 0.5:
                        spending.spend(one.pk, amount=15, key=key, source="race", at=clock.now)
                        spent += 15
                        continue
                    made = claims.claim(small, one, key=key, at=clock.now)
                except (points.NotEnough, claims.Refused):
                    continue
                if random.random() < 0.5:
                    assert claims.give_up(made, at=clock.now)
                else:
                    held += 15
            return spent, held

        return work

    return [worker(number) for number in range(WORKERS)]


def total(column: str) -> int:
    return sum(Account.objects.values_list(column, flat=True))


@pytest.mark.usefixtures("fake_shop")
def test_sixteen_who_claim_and_spend_forty_balances_at_once_overdraw_none_and_lose_nothing(clock: Clock) -> None:
    done = all_well(together(*spree(clock)))
    spent, held = sum(one for one, _ in done), sum(two for _, two in done)
    assert (total("balance"), total("held")) == (BALANCES * 100 - spent, held)
    assert spent > 0
    assert held > 0
    assert not [one for one in Account.objects.all() if one.balance < one.held]
    assert Coupon.objects.filter(state="issued").count() * 15 == held
    assert list(verifying.differences()) == []


@pytest.mark.postgres
@pytest.mark.usefixtures("fake_shop")
def test_without_row_locks_the_same_spree_goes_wrong(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = spree(clock)
    monkeypatch.setattr("loyalty.services.points.hold", lambda rows: list(rows.order_by("pk")))
    results = together(*workers)
    refused: list[object] = [result for result in results if isinstance(result, Exception)]
    assert refused or list(verifying.differences()), "the race was not one: nothing went wrong without locks"


RIVALS, STOCK = 32, 10


def rush(clock: Clock) -> list[Callable[[], No | None]]:
    """Thirty-two who want one of ten."""
    few, everybody = reward(clock, stock=STOCK), people(RIVALS, clock)

    def claim(one: Customer) -> Callable[[], No | None]:
        def work() -> No | None:
            try:
                claims.claim(few, one, key=f"rush:{one.pk}", at=clock.now)
            except claims.Refused as refusal:
                return refusal.no
            return None

        return work

    return [claim(one) for one in everybody]


@pytest.mark.usefixtures("fake_shop")
def test_of_a_stock_of_ten_thirty_two_at_once_get_exactly_ten(clock: Clock) -> None:
    answers = all_well(together(*rush(clock)))
    assert answers.count(None) == STOCK
    assert answers.count(No.GONE) == RIVALS - STOCK
    assert Reward.objects.get().taken == Claim.objects.count() == STOCK
    assert total("held") == STOCK * 15


@pytest.mark.postgres
@pytest.mark.usefixtures("fake_shop")
def test_a_stock_that_is_looked_at_and_then_taken_is_overrun(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control; the constraint would refuse to count so far, so the count stays behind."""

    def look_then_take(few: Reward) -> bool:
        if Claim.objects.filter(reward=few).count() >= STOCK:
            raise claims.Refused(No.GONE)
        return True

    rivals = rush(clock)
    monkeypatch.setattr(claims, "take_one", look_then_take)
    together(*rivals)
    assert Claim.objects.count() > STOCK, "the race was not one: the stock held without its guard"


@pytest.mark.usefixtures("fake_shop")
def test_one_button_pressed_sixteen_times_at_once_is_one_claim(clock: Clock) -> None:
    small, [one] = reward(clock), people(1, clock)

    def press() -> int:
        return claims.claim(small, one, key="the form", at=clock.now).pk

    assert len(set(all_well(together(*[press] * 16)))) == 1
    assert (total("balance"), total("held")) == (100, 15)


@pytest.mark.usefixtures("fake_shop")
def test_a_claim_that_is_given_up_released_and_reclaimed_at_once_lets_its_points_go_once(clock: Clock) -> None:
    small, [one] = reward(clock, per_person=1), people(1, clock)
    made = claims.claim(small, one, key="a", at=clock.now)
    later = clock.now + timedelta(days=99)

    def give_up() -> bool:
        return claims.give_up(made, at=clock.now)

    def release() -> int:
        return claims.release_due(at=later)

    done = all_well(together(*[give_up] * 6, *[release] * 6))
    assert sum(map(int, done)) == 1
    assert (total("balance"), total("held")) == (100, 0)
    assert list(verifying.differences()) == []


# Through Oscar's real checkout

SHOPPERS = 10
PREVIEW, THANKS = "/checkout/preview/", "/checkout/thank-you/"


@pytest.fixture
def payments() -> Any:
    """Whose money Oscar came to take: the basket's primary keys."""
    taken: list[int] = []

    def take(*, view: Any, **_signal: Any) -> None:
        taken.append(view.request.basket.pk)

    pre_payment.connect(take)
    yield taken
    pre_payment.disconnect(take)


def on_the_preview(world: OscarWorld) -> list[Client]:
    """One member in ten browsers, with the coupon of one claim in ten baskets, and a total that shows it."""
    start(worth="0.01")
    ada = world.add_user("ada@example.com")
    person = customers.for_user(ada, at=timezone.now())
    points.grant([("gift", person.pk, "")], points=1000, source="race", at=timezone.now())
    off = Reward.objects.create(name="Points off", kind="points", cost=10, active=True, created_at=timezone.now())
    made = claims.claim(off, person, key="one", amount=700, currency="EUR", at=timezone.now())
    assert made.coupon is not None
    cup = world.add_product("Cup", Decimal("40.00"))
    shoppers = []
    for n in range(SHOPPERS):
        # as guests with spellings of her address: signed in, she has one basket on all devices
        shopper = world.visit()
        world.put(shopper, cup)
        world.ask(shopper, world.shop.apply_coupon, made.coupon.code)
        page = world.to_preview(shopper, f"ada+{n}@example.com")
        assert page.context["basket"].total_incl_tax == Decimal("33.00")
        shoppers.append(shopper)
    return shoppers


def test_of_ten_orders_at_once_with_one_claims_coupon_one_has_the_discount_and_nobody_else_is_charged(
    payments: list[int], settings: Any
) -> None:
    settings.RETENTION = {**settings.RETENTION, "COUPON_TRIES_PER_HOUR": 1000}
    world = OscarWorld()
    shoppers = on_the_preview(world)
    # what Oscar would do by itself is taken away: the cap is ours alone
    get_model("voucher", "Voucher").objects.update(usage="Multi-use")

    def button(shopper: Client) -> Callable[[], str]:
        return lambda: str(world.place(shopper).headers.get("Location", ""))

    answers = all_well(together(*map(button, shoppers)))
    assert sorted(answers) == [PREVIEW] * (SHOPPERS - 1) + [THANKS]
    assert len(payments) == 1
    [discount] = get_model("order", "OrderDiscount").objects.all()
    assert discount.amount == Decimal("7.00")
    all_well(together(*[lambda: settle(at=timezone.now())] * 4))
    account = Account.objects.get()
    assert (account.balance, account.held) == (300, 0)
    assert list(verifying.differences()) == []
