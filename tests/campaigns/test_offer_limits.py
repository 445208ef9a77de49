"""What an offer may give away in all: uses and money, ever or by period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from campaigns import coupon_setup, queries
from campaigns.baskets import Basket, Line
from campaigns.models import Coupon, Offer, OfferLimit, OfferTally, Redemption
from campaigns.reasons import Reason
from campaigns.services import checking, limits, redemptions
from campaigns.services.limits import Cap, Measure
from retention.shop import CouponUse
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve, tally, uses

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=31)


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def budget(most: int, *, currency: str = "EUR", period: str = "ever") -> Cap:
    return Cap(measure=Measure.DISCOUNT, currency=currency, period=period, most=most)


def some(offer: Offer, count: int) -> list[Coupon]:
    return [give(offer, guest(f"p{n}@example.com")) for n in range(count)]


def refusal(coupon: Coupon, cart: str = "c9", **given: object) -> Reason:
    with pytest.raises(redemptions.Refused) as refused:
        reserve(coupon, cart, email="nine@example.com", **given)  # type: ignore[arg-type]
    return refused.value.reason


def test_a_budget_takes_what_fits_and_refuses_the_discount_that_would_pass_it() -> None:
    offer = make_offer(caps=[budget(1000)])
    first, second, third = some(offer, 3)
    reserve(first, "c1", off=600)
    assert refusal(second, off=401) == Reason.BUDGET
    assert (tally(offer), uses(second)) == ([600], [])
    reserve(third, "c3", email="three@example.com", off=400)
    assert tally(offer) == [1000]


def test_a_basket_that_orders_nothing_gives_its_part_of_the_budget_back() -> None:
    offer = make_offer(caps=[budget(1000)])
    [coupon] = some(offer, 1)
    reserve(coupon, off=600)
    assert redemptions.release_leases(at=LATER) == 1
    assert tally(offer) == [0]


def test_money_that_nobody_set_aside_is_not_spent() -> None:
    offer = make_offer(caps=[budget(1000)])
    [coupon] = some(offer, 1)
    assert refusal(coupon, currency="USD", off=1) == Reason.BUDGET


def test_each_currency_has_a_budget_of_its_own() -> None:
    offer = make_offer(caps=[budget(1000), budget(700, currency="USD")])
    first, second = some(offer, 2)
    reserve(first, "c1", off=1000)
    reserve(second, "c2", email="two@example.com", currency="USD", off=700)
    assert tally(offer) == [1000, 700]


@pytest.mark.parametrize(
    ("period", "still", "fresh"),
    [
        ("day", datetime(2026, 3, 2, 22, 59, tzinfo=UTC), datetime(2026, 3, 2, 23, 0, tzinfo=UTC)),
        ("week", datetime(2026, 3, 8, 22, 59, tzinfo=UTC), datetime(2026, 3, 8, 23, 0, tzinfo=UTC)),
        ("month", datetime(2026, 3, 31, 21, 59, tzinfo=UTC), datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
        ("year", datetime(2026, 12, 31, 22, 59, tzinfo=UTC), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_period_begins_at_midnight_of_the_shops_zone(period: str, still: datetime, fresh: datetime, settings) -> None:
    settings.RETENTION = {**settings.RETENTION, "TIME_ZONE": "Europe/Berlin"}
    offer = make_offer(percentage(valid_days=400), caps=[Cap(period=period, most=1)])
    first, second, third = some(offer, 3)
    reserve(first, "c1")
    assert refusal(second, at=still) == Reason.OFFER_LIMIT
    reserve(third, "c3", email="three@example.com", at=fresh)
    assert tally(offer) == [1, 1]


def test_one_person_may_use_an_offer_once_a_month() -> None:
    offer = make_offer(percentage(per_customer=1, per_customer_period="month", valid_days=90))
    first, second, third = (give(offer, key=key) for key in "abc")
    reserve(first, "c1")
    with pytest.raises(redemptions.Refused) as refused:
        reserve(second, "c2", at=NOW + timedelta(days=20))
    assert refused.value.reason == Reason.CUSTOMER_LIMIT
    reserve(third, "c3", at=NOW + timedelta(days=31))
    assert list(Redemption.objects.order_by("pk").values_list("window", flat=True)) == [
        date(2026, 3, 1),
        date(2026, 4, 1),
    ]


def test_an_order_counts_with_the_discount_that_it_says(shop: FakeShop) -> None:
    offer = make_offer(caps=[budget(1000)])
    [coupon] = some(offer, 1)
    reserve(coupon, "c1", off=400)
    shop.place(email="p0@example.com", cart="c1", coupons=(CouponUse(code=coupon.code, discount=Decimal("4.50")),))
    settle(at=NOW)
    assert (tally(offer), [state for state, _ in uses(coupon)]) == ([450], ["committed"])


def test_a_cancelled_order_gives_money_back_to_the_period_that_it_was_taken_from(shop: FakeShop) -> None:
    offer = make_offer(caps=[budget(1000, period="day"), Cap(period="day", most=5)])
    [coupon] = some(offer, 1)
    reference = shop.place(email="p0@example.com", coupons=(CouponUse(code=coupon.code, discount=Decimal("4.50")),))
    settle(at=NOW)
    assert tally(offer) == [450, 1]
    later = NOW + timedelta(days=2)
    shop.mark(reference, "cancelled", at=later)
    settle(at=later)
    assert tally(offer) == [0, 0]


def test_an_order_that_nobody_asked_about_is_in_excess_of_a_budget_that_is_spent(shop: FakeShop) -> None:
    offer = make_offer(caps=[budget(500)])
    first, second = some(offer, 2)
    for n, coupon in enumerate((first, second)):
        shop.place(email=f"p{n}@example.com", coupons=(CouponUse(code=coupon.code, discount=Decimal("4.00")),))
    settle(at=NOW)
    assert [state for state, _ in uses(first) + uses(second)] == ["committed", "excess"]
    assert tally(offer) == [400]
    limits.set_to(offer, [budget(900)], at=NOW)
    assert coupon_setup.release_leases(NOW) == 1
    assert ([state for state, _ in uses(second)], tally(offer)) == (["committed"], [800])


def test_a_limit_that_comes_later_counts_what_was_used_before() -> None:
    offer = make_offer()
    first, second, third = some(offer, 3)
    reserve(first, "c1", off=300)
    reserve(second, "c2", email="two@example.com", off=300, at=NOW - timedelta(days=1))
    caps = [Cap(most=2), Cap(period="day", most=2), budget(1000)]
    limits.set_to(offer, caps, at=NOW)
    found = {
        (limit.measure, limit.period): limits.taken([limit], at=NOW)[limit.pk]
        for limit in OfferLimit.objects.filter(offer=offer)
    }
    assert found == {("uses", "ever"): 2, ("uses", "day"): 1, ("discount", "ever"): 600}
    assert refusal(third) == Reason.OFFER_LIMIT


def test_less_than_is_taken_means_no_more() -> None:
    offer = make_offer(caps=[Cap(most=5)])
    first, second, third = some(offer, 3)
    reserve(first, "c1")
    reserve(second, "c2", email="two@example.com")
    limits.set_to(offer, [Cap(most=1)], at=NOW)
    assert refusal(third) == Reason.OFFER_LIMIT
    redemptions.release_leases(at=LATER)
    assert tally(offer) == [0]


def test_a_tally_that_went_wrong_is_counted_anew() -> None:
    offer = make_offer(caps=[Cap(most=5)])
    [coupon] = some(offer, 1)
    reserve(coupon)
    OfferTally.objects.update(taken=4)
    assert limits.recount(at=NOW) == 1
    assert tally(offer) == [1]


def test_the_database_itself_refuses_to_take_more_than_the_limit() -> None:
    offer = make_offer(caps=[Cap(most=2)])
    with pytest.raises(IntegrityError, match="campaigns_offer_tally_within_limit"), transaction.atomic():
        OfferTally.objects.filter(limit__offer=offer).update(taken=3)


def test_who_asks_before_the_checkout_hears_of_a_limit_too() -> None:
    offer = make_offer(percentage(per_customer=1), caps=[budget(900)])
    first, second = some(offer, 2)
    basket = Basket(reference="c9", currency="EUR", lines=(Line(product="p1", price=10000),), email="p1@example.com")

    def why(coupon: Coupon) -> Reason | None:
        refused = checking.check(list(queries.by_code([coupon.code], cart="c9")), basket=basket, at=NOW)
        return next((refusal.reason for refusal in refused.values()), None)

    assert why(second) == Reason.BUDGET  # 10% of 100.00 is more than 9.00
    limits.set_to(offer, [budget(1900)], at=NOW)
    assert why(second) is None
    reserve(second, "c2", email="p1@example.com", off=1000)
    third = give(offer, guest("p1@example.com"), key="third")
    assert why(third) == Reason.CUSTOMER_LIMIT
    assert why(first) == Reason.SOMEONE_ELSES
