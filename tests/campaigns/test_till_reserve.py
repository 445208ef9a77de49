"""A plain basket reserves all of its codes or none, and holds just what it wants now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Redemption
from campaigns.services import coupons, redemptions, till
from campaigns.services.coupons import Wish
from campaigns.services.limits import Cap, Measure
from campaigns.terms import Terms
from retention.testing.shop import FakeShop
from tests.campaigns.carts import basket, off, refused
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, taken, tally, uses

pytestmark = pytest.mark.django_db

LEASE = NOW + timedelta(minutes=30)


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", frozenset())
    return fake_shop


def both(**terms: Any) -> tuple[Coupon, Coupon]:
    """Return two coupons that may be used together."""
    one, two = (give(make_offer(percentage(exclusive=False, **terms), slug=slug)) for slug in ("one", "two"))
    return one, two


def test_a_reservation_holds_the_discount_until_the_lease_is_over() -> None:
    coupon = give(make_offer())
    quote = till.reserve(basket(), [coupon.code.lower()], at=NOW)
    assert (off(quote), quote.total, quote.until) == ([(coupon.code, 400)], 3600, LEASE)
    row = Redemption.objects.get()
    assert (row.state, row.cart, row.discount_minor, row.currency, row.lease_until) == (
        "reserved", "c1", 400, "EUR", LEASE,
    )  # fmt: skip
    assert taken(coupon) == 1
    redemptions.release_leases(at=LEASE)
    assert (uses(coupon), taken(coupon)) == ([("released", "c1")], 0)


def test_the_same_again_is_the_same_reservation_for_longer() -> None:
    coupon = give(make_offer())
    for minutes in (0, 10, 20):
        quote = till.reserve(basket(), [coupon.code], at=NOW + timedelta(minutes=minutes))
    assert quote.until == LEASE + timedelta(minutes=20)
    assert (Redemption.objects.count(), taken(coupon)) == (1, 1)


def test_all_or_none_and_every_reason_is_told() -> None:
    one, two = both()
    theirs = give(make_offer(percentage(exclusive=False), slug="theirs"), guest("bo@example.com"))
    till.reserve(basket(reference="c2", email="ada+2@example.com"), [two.code], at=NOW)
    assert refused(basket(), [theirs.code, two.code, "NO-SUCH-CODE", one.code]) == [
        ("NO-SUCH-CODE", "unknown"), (two.code, "reserved"), (theirs.code, "someone_elses"),
    ]  # fmt: skip
    assert (taken(one), taken(theirs)) == (0, 0)


def test_a_code_that_is_not_named_any_more_is_given_back() -> None:
    one, two = both()
    till.reserve(basket(), [one.code, two.code], at=NOW)
    till.reserve(basket(), [two.code], at=NOW)
    assert (uses(one), uses(two), taken(one), taken(two)) == (
        [("released", "c1")],
        [("released", "c1"), ("reserved", "c1")],
        0,
        1,
    )
    assert Redemption.objects.get(state="reserved").discount_minor == 400
    quote = till.reserve(basket(), [], at=NOW)
    assert (quote.total, quote.until, taken(two)) == (4000, None, 0)


def test_a_refusal_keeps_what_was_held_before() -> None:
    one, two = both()
    till.reserve(basket(), [one.code], at=NOW)
    coupons.void([two], reason="leaked", at=NOW)
    assert refused(basket(), [two.code]) == [(two.code, "void")]
    assert uses(one) == [("reserved", "c1")]


def test_another_basket_holds_what_its_prices_make_of_it() -> None:
    budget = [Cap(measure=Measure.DISCOUNT, currency="EUR", most=1000)]
    offer = make_offer(caps=budget)
    coupon = give(offer)
    for price, discount in ((4000, 400), (8000, 800), (2000, 200)):
        till.reserve(basket(price), [coupon.code], at=NOW)
        assert Redemption.objects.get(state="reserved").discount_minor == discount
        assert (tally(offer), taken(coupon)) == ([discount], 1)
    assert refused(basket(12000), [coupon.code]) == [(coupon.code, "budget")]
    assert (tally(offer), taken(coupon)) == ([200], 1)


def test_the_last_of_a_budget_can_be_swapped_for_another_code_of_the_offer() -> None:
    offer = make_offer(percentage(per_customer=1), max_uses=1)
    first, second = give(offer, key="1"), give(offer, key="2")
    till.reserve(basket(), [first.code], at=NOW)
    till.reserve(basket(), [second.code], at=NOW)
    assert (uses(first), uses(second), tally(offer)) == ([("released", "c1")], [("reserved", "c1")], [1])


def test_who_says_another_address_is_counted_by_that() -> None:
    offer = make_offer(percentage(per_customer=1))
    wish = Wish(key="leaflet", code="LEAFLET", cap=100)
    coupon = coupons.issue(wish, offer=offer, source="test", at=NOW)
    assert coupon is not None
    till.reserve(basket(), ["leaflet"], at=NOW)
    till.reserve(basket(email="bo@example.com"), ["leaflet"], at=NOW)
    assert taken(coupon) == 1
    till.reserve(basket(reference="c2"), ["leaflet"], at=NOW)
    assert refused(basket(reference="c3", email="ADA+x@example.com"), ["leaflet"]) == [("LEAFLET", "customer_limit")]


def test_a_leaflets_code_is_once_for_each_mailbox_and_needs_one() -> None:
    wish = Wish(key="leaflet", code="LEAFLET", cap=100)
    coupon = coupons.issue(wish, offer=make_offer(), source="test", at=NOW)
    assert coupon is not None
    till.reserve(basket(), ["leaflet"], at=NOW)
    assert refused(basket(reference="c2", email="ada+2@example.com"), ["leaflet"]) == [("LEAFLET", "customer_limit")]
    for number in (3, 4):
        assert refused(basket(reference=f"c{number}", email=""), ["leaflet"]) == [("LEAFLET", "no_address")]
    till.reserve(basket(reference="c5", email="", user_id=7), ["leaflet"], at=NOW)
    assert taken(coupon) == 2


def test_free_shipping_on_free_shipping_is_not_used_up() -> None:
    coupon = give(make_offer(Terms(kind="free_shipping", valid_days=30)))
    assert refused(basket(), [coupon.code]) == [(coupon.code, "nothing_off")]
    assert off(till.reserve(basket(shipping=400), [coupon.code], at=NOW)) == [(coupon.code, 400)]


def test_a_basket_without_a_reference_cannot_hold() -> None:
    coupon = give(make_offer())
    with pytest.raises(ValueError, match="without a reference"):
        till.reserve(basket(reference=""), [coupon.code], at=NOW)
    assert taken(coupon) == 0


def test_release_gives_back_what_a_cart_holds_once() -> None:
    one, two = both()
    till.reserve(basket(), [one.code, two.code], at=NOW)
    assert [till.release(cart="c1", at=NOW) for _ in range(3)] == [2, 0, 0]
    assert (uses(one), taken(one), taken(two)) == ([("released", "c1")], 0, 0)
    assert till.release(cart="never", at=NOW) == 0


def test_one_plain_coupon_costs_one_look_and_two_writes() -> None:
    coupon = give(make_offer())
    with CaptureQueriesContext(connection) as asked:
        till.reserve(basket(), [coupon.code], at=NOW)
    words = [query["sql"].split()[0] for query in asked]
    assert [word for word in words if word not in ("SAVEPOINT", "RELEASE", "BEGIN")] == ["SELECT", "UPDATE", "INSERT"]
