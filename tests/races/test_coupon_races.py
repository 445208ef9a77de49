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
from django.db.models import F, Model

from campaigns import queries
from campaigns.models import Coupon, Offer, OfferTally, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.services import limits, redemptions, settlement
from campaigns.services.coupons import Wish, issue_many
from campaigns.services.limits import Cap, Measure
from campaigns.services.redemptions import Hold
from retention.hashing import customer_key
from retention.models import Order, OrderCoupon
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, guest, make_offer, percentage, reserve, tally
from tests.races.together import all_well, together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 32
COUPONS = 20
"""A hundred are raced through the till in test_till_races, where faults are looked for."""


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def issue(offer: Offer, count: int, *, email: str = "ada{n}@example.com") -> list[Coupon]:
    wishes = [Wish(key=f"{offer.slug}:{n}", customer=guest(email.format(n=n)).pk) for n in range(count)]
    return list(issue_many(wishes, offer=offer, source="test", at=NOW).coupons.values())


def rush(
    coupons: Sequence[Coupon], *, email: Callable[[int, Coupon], str] = lambda n, coupon: f"{n}@x.example", off: int = 0
) -> None:
    """Let every thread try to reserve every coupon, each with a basket of its own, each in another order.

    ``off``: what each takes off, minor units.
    """
    fresh = list(queries.by_code({coupon.code for coupon in coupons}, cart="none"))

    def worker(n: int) -> Callable[[], None]:
        mine = fresh * (len(coupons) // len(fresh))
        random.Random(n).shuffle(mine)

        def work() -> None:
            for number, coupon in enumerate(mine):
                key = customer_key(email(n, coupon))
                hold = Hold(coupon=coupon, customer_key=key, customer=coupon.customer_id, currency="EUR", discount=off)
                with suppress(redemptions.Refused):
                    redemptions.reserve([hold], cart=f"cart-{n}-{number}", at=NOW)

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
    assert tally(offer) == [7]
    assert sum(Coupon.objects.values_list("used", flat=True)) == 7


def test_of_a_budget_is_spent_what_fits_and_not_a_cent_more() -> None:
    budget = Cap(measure=Measure.DISCOUNT, currency="EUR", most=11 * 250 + 249)
    offer = make_offer(caps=[budget])
    rush(issue(offer, COUPONS), off=250)
    assert sum(live().values()) == 11
    assert tally(offer) == [11 * 250]


def test_uses_a_day_and_a_budget_a_month_hold_together() -> None:
    caps = [Cap(period="day", most=9), Cap(measure=Measure.DISCOUNT, period="month", currency="EUR", most=7 * 300)]
    offer = make_offer(caps=caps)
    rush(issue(offer, COUPONS), off=300)
    assert sum(live().values()) == 7
    assert tally(offer) == [7, 2100]


def test_a_shared_code_is_used_as_often_as_its_cap_and_once_by_each_mailbox() -> None:
    offer = make_offer()
    wish = Wish(key="shared", code="SUMMER", cap=5)
    [coupon] = issue_many([wish], offer=offer, source="test", at=NOW).coupons.values()
    rush([coupon] * 10, email=lambda n, coupon: f"p{n % 20}+{n}@gmail.com")
    assert (live(), set(live("customer_key").values())) == ({coupon.pk: 5}, {1})


def test_baskets_of_several_coupons_of_crossing_offers_never_wait_in_a_circle() -> None:
    terms = percentage(exclusive=False, per_customer=3)
    offers = [make_offer(terms, slug=f"offer{n}", max_uses=20) for n in range(3)]
    crossing = [coupon for offer in offers for coupon in issue(offer, 10)]

    def worker(n: int) -> Callable[[], None]:
        dice = random.Random(n)

        def work() -> None:
            for basket in range(10):
                hold_all(dice.sample(crossing, 4), f"cart-{n}-{basket}", email=f"{n}@x.example")

        return work

    all_well(together(*[worker(n) for n in range(THREADS)]))
    taken = live("offer")
    assert [tally(offer) for offer in offers] == [[taken[offer.pk]] for offer in offers]
    assert max(taken.values()) <= 20


def hold_all(coupons: Sequence[Coupon], cart: str, *, email: str) -> None:
    fresh = list(queries.by_code([coupon.code for coupon in coupons], cart=cart))
    wanted = [Hold(coupon=coupon, customer_key=customer_key(email), currency="EUR") for coupon in fresh]
    with suppress(redemptions.Refused):
        redemptions.reserve(wanted, cart=cart, at=NOW)


def test_a_limit_that_is_set_and_counted_anew_among_baskets_ends_true() -> None:
    offer = make_offer(max_uses=30)
    coupons = issue(offer, 20)

    def set_limits() -> None:
        for most in (25, 40, 35):
            limits.set_to(offer, [Cap(most=most)], at=NOW)
            limits.recount(at=NOW)

    def shop(n: int) -> Callable[[], None]:
        def work() -> None:
            for coupon in coupons:
                with suppress(redemptions.Refused):
                    reserve(coupon, f"cart-{n}-{coupon.pk}", email=f"{n}@x.example")
                redemptions.forget(cart=f"cart-{n}-{coupon.pk}", keep=[], at=NOW)

        return work

    all_well(together(set_limits, *[shop(n) for n in range(8)]))
    limits.recount(at=NOW)
    assert (sum(live().values()), tally(offer)) == (0, [0])


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
    assert tally(offer) == [sum(taken.values())]
    assert not Redemption.objects.filter(order__in=Order.objects.exclude(cancelled_at=None).values("reference")).filter(
        state="committed"
    )


@pytest.fixture
def guard_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look first and write later, with no constraint below: what a careless engine does."""

    def careless(coupon: Coupon, *, at: Any, **_more: Any) -> None:
        now = Coupon.objects.get(pk=coupon.pk)
        if now.used >= (now.max_uses or 0):
            raise redemptions.Refused(Reason.RESERVED, coupon)
        time.sleep(0.002)
        Coupon.objects.filter(pk=coupon.pk).update(used=F("used") + 1)

    def generous(wanted: Any, caps: Any) -> None:
        for (pk, window), amount in wanted.items():
            row, _ = OfferTally.objects.get_or_create(limit_id=pk, window=window, defaults={"most": caps[pk].most})
            if row.taken + amount > row.most:
                raise limits.Exceeded(caps[pk])
            time.sleep(0.002)
            OfferTally.objects.filter(pk=row.pk).update(taken=F("taken") + amount)

    monkeypatch.setattr(redemptions, "_take", careless)
    monkeypatch.setattr(limits, "take", generous)
    loose: list[tuple[type[Model], str]] = [
        (Coupon, "campaigns_coupon_within_limit"),
        (Redemption, "campaigns_redemption_slot_once"),
        (Redemption, "campaigns_redemption_offer_slot_once"),
        (OfferTally, "campaigns_offer_tally_within_limit"),
    ]
    found = [(model, next(c for c in model._meta.constraints if c.name == name)) for model, name in loose]
    with connection.schema_editor() as editor:
        for model, constraint in found:
            editor.remove_constraint(model, constraint)
    yield
    for model in (Redemption, Coupon, OfferTally):
        model.objects.all().delete()
    with connection.schema_editor() as editor:
        for model, constraint in found:
            editor.add_constraint(model, constraint)


@pytest.mark.postgres
def test_with_the_guard_off_the_same_rush_redeems_too_often(guard_off: None) -> None:
    rush(issue(make_offer(), COUPONS))
    assert sum(live().values()) > COUPONS


@pytest.mark.postgres
def test_with_the_guard_off_three_uses_become_more(guard_off: None) -> None:
    rush(issue(make_offer(percentage(uses=3)), COUPONS))
    assert sum(live().values()) > 3 * COUPONS


@pytest.mark.postgres
def test_with_the_guard_off_one_person_uses_an_offer_too_often(guard_off: None) -> None:
    coupons = issue(make_offer(percentage(per_customer=1)), COUPONS, email="ada+{n}@gmail.com")
    rush(coupons, email=lambda n, coupon: f"p{coupon.pk % 5}+{n}@gmail.com")
    assert max(live("customer_key").values()) > 1


@pytest.mark.postgres
def test_with_the_guard_off_a_budget_is_overspent(guard_off: None) -> None:
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=11 * 250)])
    rush(issue(offer, COUPONS), off=250)
    assert sum(live().values()) > 11
