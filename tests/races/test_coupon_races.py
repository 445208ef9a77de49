"""Many at once on the last use of a coupon: never one too many, never one too few.

The negative control takes the guard off and must redeem too often; otherwise these tests prove nothing.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from campaigns.models import Coupon, Offer, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.services import redemptions, settlement
from campaigns.services.coupons import Wish, issue_many
from retention.models import Order, OrderCoupon
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, guest, make_offer, percentage, reserve
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
COUPONS = 20


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def issue(offer: Offer, count: int, *, email: str = "ada{n}@example.com") -> list[Coupon]:
    wishes = [Wish(key=f"{offer.slug}:{n}", customer=guest(email.format(n=n)).pk) for n in range(count)]
    return list(issue_many(wishes, offer=offer, source="test", at=NOW).coupons.values())


def rush(
    coupons: Sequence[Coupon], *, email: Callable[[int, Coupon], str] = lambda n, coupon: f"{n}@x.example"
) -> None:
    """Let every thread try to reserve every coupon, each with a basket of its own, each in another order."""

    def worker(n: int) -> Callable[[], None]:
        mine = list(coupons)
        random.Random(n).shuffle(mine)

        def work() -> None:
            for coupon in mine:
                with suppress(redemptions.Refused):
                    reserve(coupon, f"cart-{n}-{coupon.pk}", email=email(n, coupon))

        return work

    all_well(together(*[worker(n) for n in range(THREADS)]))


def live(field: str = "coupon") -> Counter[Any]:
    return Counter(Redemption.objects.filter(state__in=LIVE).values_list(field, flat=True))


def test_one_use_is_taken_once() -> None:
    coupons = issue(make_offer(), COUPONS)
    rush(coupons)
    assert live() == {coupon.pk: 1 for coupon in coupons}
    assert set(Coupon.objects.values_list("used", flat=True)) == {1}


def test_three_uses_are_taken_three_times() -> None:
    coupons = issue(make_offer(percentage(uses=3)), COUPONS)
    rush(coupons)
    assert live() == {coupon.pk: 3 for coupon in coupons}
    assert set(Coupon.objects.values_list("used", flat=True)) == {3}


@pytest.mark.parametrize("allowed", [1, 2])
def test_spellings_of_one_mailbox_share_what_one_person_is_allowed(allowed: int) -> None:
    offer = make_offer(percentage(per_customer=allowed))
    coupons = issue(offer, COUPONS, email="ada+{n}@gmail.com")
    people = 5
    rush(coupons, email=lambda n, coupon: f"p{coupon.pk % people}+{n}@gmail.com")
    assert list(live("customer_key").values()) == [allowed] * people


def test_an_offer_of_seven_uses_in_total_is_used_seven_times() -> None:
    offer = make_offer(max_uses=7)
    rush(issue(offer, COUPONS))
    assert sum(live().values()) == 7
    assert Offer.objects.get(pk=offer.pk).used == 7
    assert sum(Coupon.objects.values_list("used", flat=True)) == 7


def test_one_basket_that_asks_many_times_holds_one_use() -> None:
    [coupon] = issue(make_offer(percentage(uses=5)), 1)
    all_well(together(*[lambda: reserve(coupon, "the same")] * THREADS))
    assert (live(), Coupon.objects.get().used) == ({coupon.pk: 1}, 1)


def test_the_same_wish_many_times_at_once_is_one_coupon(shop: FakeShop) -> None:
    offer, person = make_offer(), guest()
    wishes = [Wish(key=f"k{n}", customer=person.pk) for n in range(10)]

    def work() -> None:
        assert len(issue_many(wishes, offer=offer, source="test", at=NOW).coupons) == 10

    all_well(together(*[work] * THREADS))
    assert Coupon.objects.count() == 10
    assert set(shop.coupons) == set(Coupon.objects.values_list("code", flat=True))


def test_baskets_orders_cancellations_and_leases_at_once_leave_the_counters_true() -> None:
    offer = make_offer(percentage(uses=2, per_customer=2, exclusive=False), max_uses=1000)
    coupons = issue(offer, 10)
    orders = Order.objects.bulk_create(
        [
            Order(
                reference=str(n), number=str(n), customer=coupons[n % 10].customer, email=f"ada{n % 10}@example.com",
                currency="EUR", total_minor=4000, cart=f"cart-{n}", placed_at=NOW, first_seen_at=NOW, read_at=NOW,
            )
            for n in range(40)
        ]
    )  # fmt: skip
    OrderCoupon.objects.bulk_create(
        [
            OrderCoupon(order=order, code=coupons[(n + more) % 10].code, discount_minor=400)
            for n, order in enumerate(orders)
            for more in (0, 1)
        ]
    )
    references = [order.reference for order in orders]

    def worker(n: int) -> Callable[[], None]:
        dice = random.Random(n)

        def work() -> None:
            for _ in range(15):
                some = dice.sample(references, 6)
                at = NOW + timedelta(minutes=dice.randrange(60))
                match dice.randrange(4):
                    case 0:
                        settlement.settle(some, at=at)
                    case 1:
                        Order.objects.filter(reference__in=some[:1]).update(cancelled_at=dice.choice([None, at]))
                        settlement.settle(some[:1], at=at)
                    case 2:
                        redemptions.release_leases(at=at)
                    case 3:
                        with suppress(redemptions.Refused):
                            reserve(dice.choice(coupons), f"cart-{dice.randrange(40)}", email=f"{n}@x.example", at=NOW)

        return work

    all_well(together(*[worker(n) for n in range(8)]))
    settlement.settle(references, at=NOW)
    taken = live()
    assert {coupon.pk: coupon.used for coupon in Coupon.objects.all()} == {c.pk: taken[c.pk] for c in coupons}
    assert Offer.objects.get().used == sum(taken.values())
    assert not Redemption.objects.filter(order__in=Order.objects.exclude(cancelled_at=None).values("reference")).filter(
        state="committed"
    )


@pytest.fixture
def guard_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look first and write later, with no constraint below: what a careless engine does."""

    def careless(coupon: Coupon, *, at: Any) -> None:
        now = Coupon.objects.get(pk=coupon.pk)
        if now.used >= (now.max_uses or 0):
            raise redemptions.Refused(Reason.RESERVED)
        time.sleep(0.002)
        Coupon.objects.filter(pk=coupon.pk).update(used=F("used") + 1)

    monkeypatch.setattr(redemptions, "_take", careless)
    loose = [
        (Coupon, "campaigns_coupon_within_limit"),
        (Redemption, "campaigns_redemption_slot_once"),
    ]
    found = [(model, next(c for c in model._meta.constraints if c.name == name)) for model, name in loose]
    with connection.schema_editor() as editor:
        for model, constraint in found:
            editor.remove_constraint(model, constraint)
    yield
    Redemption.objects.all().delete()
    Coupon.objects.all().delete()
    with connection.schema_editor() as editor:
        for model, constraint in found:
            editor.add_constraint(model, constraint)


@pytest.mark.postgres
def test_with_the_guard_off_the_same_rush_redeems_too_often(guard_off: None) -> None:
    rush(issue(make_offer(), COUPONS))
    assert sum(live().values()) > COUPONS
