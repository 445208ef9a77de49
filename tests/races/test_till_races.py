"""Many checkouts at once, each through quote, reserve and commit: never one too many, never one too few.

With the guard below taken off the same checkouts must use codes too often; otherwise these tests prove nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from campaigns.models import Coupon, Offer, Redemption
from campaigns.models.redemption import LIVE
from campaigns.reasons import Reason
from campaigns.services import limits, redemptions, settlement, till
from campaigns.services.coupons import Wish, issue_many
from campaigns.services.limits import Cap, Measure
from campaigns.terms import Period
from retention.models import Fact, Order
from retention.testing.shop import FakeShop
from tests.campaigns.carts import PlainShop, basket
from tests.campaigns.shelf import NOW, guest, make_offer, percentage, tally
from tests.races.test_coupon_races import COUPONS as FEW
from tests.races.test_coupon_races import guard_off
from tests.races.together import all_well, together

__all__ = ["guard_off"]

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 32 if connection.vendor == "postgresql" else 16
sizes = pytest.mark.parametrize("count", [FEW, pytest.param(100, marks=pytest.mark.faults)])
"""The same race over few codes each time, and over a hundred where faults are looked for."""


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", PlainShop.capabilities)
    return fake_shop


def issue(offer: Offer, count: int) -> list[str]:
    """Make codes for whoever has them."""
    wishes = [Wish(key=f"{offer.slug}:{n}") for n in range(count)]
    return [coupon.code for coupon in issue_many(wishes, offer=offer, source="test", at=NOW).coupons.values()]


def by_thread(n: int) -> str:
    return f"{n}@x.example"


def buy(n: int, code: str, *, email: str) -> str:
    """Go through one checkout; return ``bought``, or why not."""
    mine = basket(reference=f"cart-{n}-{code}", email=email)
    quote = till.quote(mine, [code], at=NOW)
    if quote.refused:
        return quote.refused[0].reason
    try:
        till.reserve(mine, [code], at=NOW)
    except till.Refused as no:
        return no.reason
    [use] = till.commit(order=f"order-{n}-{code}", cart=mine.reference, typed=[code], at=NOW)
    return "bought" if use.state == "committed" else use.state


def rush(codes: Sequence[str], *, email: Callable[[int], str] = by_thread) -> Counter[str]:
    """Let every thread buy with every code, each in another order. Returns how often what came of it."""

    def worker(n: int) -> Callable[[], list[str]]:
        mine = list(codes)
        random.Random(n).shuffle(mine)
        return lambda: [buy(n, code, email=email(n)) for code in mine]

    results = all_well(together(*[worker(n) for n in range(THREADS)]))
    return Counter(one for found in results for one in found)


def used(field: str = "coupon__code") -> Counter[Any]:
    """Return how many uses each has, every one of them an order's; the counters say the same."""
    live = Redemption.objects.filter(state__in=LIVE)
    assert not live.filter(state="reserved").exists()
    assert not Redemption.objects.filter(state="excess").exists()
    by_coupon = Counter(live.values_list("coupon", flat=True))
    assert dict(Coupon.objects.values_list("pk", "used")) == {
        pk: by_coupon[pk] for pk in Coupon.objects.values_list("pk", flat=True)
    }
    assert Fact.objects.filter(kind="campaigns.CouponRedeemed").count() == live.count()
    return Counter(live.values_list(field, flat=True))


@sizes
@pytest.mark.parametrize("uses", [1, 3])
def test_each_code_is_used_just_as_often_as_it_says(uses: int, count: int) -> None:
    codes = issue(make_offer(percentage(uses=uses)), count)
    came = rush(codes)
    assert used() == dict.fromkeys(codes, uses)
    assert came["bought"] == count * uses
    assert sum(came.values()) == THREADS * count
    assert set(came) <= {"bought", Reason.USED, Reason.RESERVED}


@sizes
def test_spellings_of_one_mailbox_share_what_one_person_may_use(count: int) -> None:
    codes = issue(make_offer(percentage(uses=THREADS, per_customer=3)), count)
    people = 5
    came = rush(codes, email=lambda n: f"{'a.da' if n % 2 else 'ada'}{n % people}+{n}@gmail.com")
    assert list(used("customer_key").values()) == [3] * people
    assert came["bought"] == 3 * people
    assert set(came) == {"bought", Reason.CUSTOMER_LIMIT}


@sizes
def test_a_budget_is_spent_to_the_last_whole_discount(count: int) -> None:
    most = count * 57 // 100
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=most * 400 + 399)])
    came = rush(issue(offer, count))
    assert (sum(used().values()), tally(offer), came["bought"]) == (most, [most * 400], most)
    assert set(came) <= {"bought", Reason.BUDGET, Reason.RESERVED, Reason.USED}


@pytest.mark.postgres
@pytest.mark.usefixtures("guard_off")
def test_with_the_guard_off_the_same_checkouts_use_codes_too_often() -> None:
    assert rush(issue(make_offer(), FEW))["bought"] > FEW


@pytest.mark.postgres
@pytest.mark.usefixtures("guard_off")
def test_with_the_guard_off_the_same_checkouts_overspend_a_budget() -> None:
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=11 * 400)])
    assert rush(issue(offer, FEW))["bought"] > 11


def test_a_cart_that_asks_many_times_at_once_holds_one_use_and_the_order_has_one() -> None:
    [code] = issue(make_offer(percentage(uses=5)), 1)

    def once() -> Any:
        till.reserve(basket(), [code], at=NOW)
        return [use.state for use in till.commit(order="1", cart="c1", typed=[code], at=NOW)]

    results = together(*[once] * THREADS)
    assert {"committed"} == {state for found in results if isinstance(found, list) for state in found}
    # who reserves after the order has come holds another use, and the next commit of the order gives it back
    till.commit(order="1", cart="c1", typed=[code], at=NOW)
    all_well(results)
    assert used() == {code: 1}


def test_a_cart_that_changes_its_mind_at_once_holds_just_one_of_its_wishes() -> None:
    offer = make_offer(
        percentage(exclusive=False, per_customer=2), caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=100_000)]
    )
    codes = issue(offer, 4)

    def worker(n: int) -> Callable[[], None]:
        dice = random.Random(n)

        def work() -> None:
            for _ in range(12):
                wish = dice.sample(codes, dice.randrange(3))
                till.reserve(basket(dice.choice([1000, 2000])), wish, at=NOW)

        return work

    all_well(together(*[worker(n) for n in range(min(THREADS, 12))]))
    till.reserve(basket(3000), codes[:1], at=NOW)
    assert [(row.coupon.code, row.discount_minor) for row in Redemption.objects.filter(state__in=LIVE)] == [
        (codes[0], 300)
    ]
    assert tally(offer) == [300]
    assert sum(Coupon.objects.values_list("used", flat=True)) == 1


def test_carts_orders_cancellations_and_leases_at_once_leave_the_counters_true() -> None:
    caps = [
        Cap(most=10_000),
        Cap(most=10_000, period=Period.DAY),
        Cap(measure=Measure.DISCOUNT, currency="EUR", most=10_000_000),
    ]
    offer = make_offer(percentage(uses=4, per_customer=6, exclusive=False), caps=caps)
    codes = issue(offer, 10)
    carts = 30
    for n in range(0, carts, 2):  # every other order is known already
        Order.objects.create(
            reference=f"order-{n}", number=str(n), customer=guest(f"p{n}@x.example"), email=f"p{n}@x.example",
            currency="EUR", total_minor=3600, cart=f"cart-{n}", placed_at=NOW, first_seen_at=NOW, read_at=NOW,
            digest="x",
        )  # fmt: skip

    def worker(n: int) -> Callable[[], None]:
        dice = random.Random(n)

        def work() -> None:
            for _ in range(30 if connection.vendor == "postgresql" else 8):
                cart = dice.randrange(carts)
                at = NOW + timedelta(days=dice.randrange(3), minutes=dice.randrange(60))
                mine = basket(dice.choice([4000, 8000]), reference=f"cart-{cart}", email=f"p{cart}@x.example")
                wish = dice.sample(codes, dice.randrange(1, 3))
                try:
                    match dice.randrange(6):
                        case 0 | 1:
                            till.reserve(mine, wish, at=at)
                        case 2:
                            till.commit(order=f"order-{cart}", cart=mine.reference, typed=wish, at=at)
                        case 3:
                            till.release(order=f"order-{cart}", cart=dice.choice(["", mine.reference]), at=at)
                        case 4:
                            Order.objects.filter(reference=f"order-{cart}").update(
                                cancelled_at=dice.choice([None, at]), digest=str(dice.random())
                            )
                            settlement.settle({f"order-{cart}"}, at=at)
                        case 5:
                            redemptions.release_leases(at=at)
                except (till.Refused, till.NotReserved):
                    pass

        return work

    all_well(together(*[worker(n) for n in range(min(THREADS, 16))]))
    settlement.settle({f"order-{n}" for n in range(carts)}, at=NOW)
    live = Redemption.objects.filter(state__in=LIVE)
    by_coupon = Counter(live.values_list("coupon", flat=True))
    assert {coupon.pk: coupon.used for coupon in Coupon.objects.all()} == {
        pk: by_coupon[pk] for pk in Coupon.objects.values_list("pk", flat=True)
    }
    before = tally(offer)
    limits.recount(at=NOW)
    assert tally(offer) == before
    gone = Order.objects.exclude(cancelled_at=None).values("reference")
    assert not live.filter(order__in=gone).exists()
