"""An order commits what its cart reserved, whether or not we have read it from the shop, and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from campaigns.models import Coupon, Redemption
from campaigns.reasons import Reason
from campaigns.services import coupons, redemptions, settlement, till
from campaigns.services.coupons import Wish
from campaigns.services.limits import Cap, Measure
from retention.hashing import customer_key
from retention.models import Customer, Fact, Order
from retention.services import orders
from retention.shop import CouponUse
from retention.testing.clock import Clock
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.campaigns.carts import ADA, PlainShop, basket, commit, refused
from tests.campaigns.shelf import NOW, give, make_offer, percentage, taken, tally, uses

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(settings: Any, clock: Clock, fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    monkeypatch.setattr(FakeShop, "capabilities", PlainShop.capabilities)
    fake_shop.add_product(price=Decimal("40.00"))
    return fake_shop


@pytest.fixture
def coupon() -> Coupon:
    """A tenth off, reserved by Ada's cart."""
    coupon = give(make_offer(max_uses=50))
    till.reserve(basket(), [coupon.code], at=NOW)
    return coupon


def told() -> list[tuple[str, Any]]:
    rows = Fact.objects.filter(kind__in=["campaigns.CouponRedeemed", "campaigns.CouponReturned"]).order_by("pk")
    return [(row.kind.partition(".")[2], row.payload.get("reason", row.payload.get("discount_minor"))) for row in rows]


def place(shop: FakeShop, *coupons: Coupon, cart: str = "c1", off: str = "4.00") -> str:
    """Place Ada's order; the shop's adapter names these coupons in it."""
    named = tuple(CouponUse(code=coupon.code, discount=Decimal(off)) for coupon in coupons)
    return shop.place(email=ADA, cart=cart, total=Decimal("36.00"), coupons=named)


def test_what_the_cart_reserved_is_the_orders_with_its_discount(coupon: Coupon) -> None:
    assert commit("1", coupon.code.lower()) == [("committed", 400)]
    row = Redemption.objects.get()
    assert (row.order, row.cart, row.currency, row.lease_until, row.committed_at) == ("1", "c1", "EUR", None, NOW)
    assert (row.customer_id, taken(coupon), tally(coupon.offer)) == (coupon.customer_id, 1, [1])
    assert told() == [("CouponRedeemed", 400)]
    [fact] = Fact.objects.filter(kind="campaigns.CouponRedeemed")
    assert (fact.customer, fact.payload["order"], fact.payload["currency"]) == (coupon.customer_id, "1", "EUR")


def test_twice_is_once(coupon: Coupon) -> None:
    assert [commit("1", coupon.code) for _ in range(3)] == [[("committed", 400)]] * 3
    assert (uses(coupon), taken(coupon), told()) == ([("committed", "1")], 1, [("CouponRedeemed", 400)])


def test_what_the_order_did_not_use_is_given_back() -> None:
    one, two = (give(make_offer(percentage(exclusive=False), slug=slug)) for slug in ("one", "two"))
    till.reserve(basket(), [one.code, two.code], at=NOW)
    assert commit("1", one.code) == [("committed", 400)]
    assert (uses(two), taken(two)) == ([("released", "c1")], 0)
    assert commit("2") == []


def test_a_code_that_was_never_reserved_or_does_not_exist_is_refused_and_nothing_changes(coupon: Coupon) -> None:
    other = give(make_offer(slug="other"))
    for codes, error in (([coupon.code, other.code], till.NotReserved), ([coupon.code, "NO-SUCH"], till.Refused)):
        with pytest.raises(error) as raised:
            commit("1", *codes)
        assert raised.value.code in (other.code, "NO-SUCH")
    assert (uses(coupon), uses(other), told()) == ([("reserved", "c1")], [], [])
    with pytest.raises(till.NotReserved):
        commit("1", coupon.code, cart="another")


def test_an_order_just_after_the_lease_finds_its_use(coupon: Coupon) -> None:
    late = NOW + timedelta(hours=1)
    redemptions.release_leases(at=late)
    assert (taken(coupon), tally(coupon.offer)) == (0, [0])
    assert commit("1", coupon.code, at=late) == [("committed", 400)]
    assert (uses(coupon), taken(coupon), tally(coupon.offer)) == ([("committed", "1")], 1, [1])
    assert commit("1", coupon.code, at=late) == [("committed", 400)]


def test_after_the_lease_and_with_the_use_gone_it_is_in_excess_until_one_comes_free(coupon: Coupon) -> None:
    late = NOW + timedelta(hours=1)
    redemptions.release_leases(at=late)
    till.reserve(basket(reference="c2"), [coupon.code], at=late)
    assert commit("1", coupon.code, at=late) == [("excess", 400)]
    assert commit("1", coupon.code, at=late) == [("excess", 400)]
    assert (taken(coupon), tally(coupon.offer), told()) == (1, [1], [])
    till.release(cart="c2", at=late)
    assert commit("1", coupon.code, at=late) == [("committed", 400)]
    assert (taken(coupon), told()) == (1, [("CouponRedeemed", 400)])


def test_a_lease_that_ended_long_ago_counts_no_more_than_the_last_reservation(coupon: Coupon) -> None:
    redemptions.release_leases(at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    till.reserve(basket(8000), [coupon.code], at=later)
    assert commit("1", coupon.code, at=later) == [("committed", 800)]
    assert [row.state for row in Redemption.objects.order_by("pk")] == ["released", "committed"]


def test_what_ended_or_was_called_off_after_it_was_reserved_is_the_orders_all_the_same(coupon: Coupon) -> None:
    coupons.void([coupon], reason="leaked", at=NOW)
    assert commit("1", coupon.code, at=NOW + timedelta(days=60)) == [("committed", 400)]


def test_release_gives_an_orders_uses_back_once_and_they_stay_so(coupon: Coupon) -> None:
    commit("1", coupon.code)
    assert [till.release(order="1", at=NOW) for _ in range(3)] == [1, 0, 0]
    assert (uses(coupon), taken(coupon), tally(coupon.offer)) == ([("released", "1")], 0, [0])
    assert told() == [("CouponRedeemed", 400), ("CouponReturned", "dropped")]
    assert commit("1", coupon.code) == [("released", 400)]
    assert (taken(coupon), len(told())) == (0, 2)
    assert till.release(order="never", at=NOW) == 0


def test_released_for_one_order_it_is_good_for_the_next(coupon: Coupon) -> None:
    commit("1", coupon.code)
    till.release(order="1", at=NOW)
    till.reserve(basket(reference="c2"), [coupon.code], at=NOW)
    assert commit("2", coupon.code, cart="c2") == [("committed", 400)]
    assert (uses(coupon), taken(coupon)) == ([("released", "1"), ("committed", "2")], 1)


# With what the shop says of the order


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_user("bob", "bob@example.com", "a long password")


def shared() -> Coupon:
    """A code for whoever has it, once a person."""
    coupon = coupons.issue(Wish(key="shared", cap=50), offer=make_offer(percentage(uses=1)), source="test", at=NOW)
    assert coupon is not None
    return coupon


def test_what_an_account_without_an_address_used_counts_for_its_mailbox_later(shop: FakeShop, user: Any) -> None:
    coupon = shared()
    Customer.objects.filter(user=user).delete()
    till.reserve(basket(user_id=user.pk, email=""), [coupon.code], at=NOW)
    assert Redemption.objects.get().customer_key == f"user:{user.pk}"
    shop.place(
        user=user,
        email=user.email,
        cart="c1",
        total=Decimal("36.00"),
        coupons=(CouponUse(code=coupon.code, discount=Decimal("4.00")),),
    )
    settle(at=NOW)
    assert Redemption.objects.get().customer_key == customer_key(user.email)
    for again in (basket(reference="c2", user_id=user.pk, email=""), basket(reference="c3", email=user.email)):
        assert refused(again, [coupon.code]) == [(coupon.code, "customer_limit")]


def test_an_order_without_an_address_may_have_the_longest_reference_that_there_is(shop: FakeShop) -> None:
    coupon = shared()
    reference = "r" * 128
    shop.orders[reference] = replace(shop.orders[place(shop, coupon)], reference=reference, number="r", email="")
    orders.project([shop.orders[reference]], at=NOW)
    settlement.settle([reference], at=NOW)
    row = Redemption.objects.get(order=reference)
    assert (row.state, len(row.customer_key)) == ("committed", 64)


Step = Callable[[FakeShop, Coupon], object]


def committing(shop: FakeShop, coupon: Coupon) -> object:
    return commit("1", coupon.code)


def reading(shop: FakeShop, coupon: Coupon) -> object:
    return settle(at=NOW)


def cancelling(shop: FakeShop, coupon: Coupon) -> object:
    shop.mark("1", "cancelled")
    return settle(at=NOW)


def reinstating(shop: FakeShop, coupon: Coupon) -> object:
    shop.reinstate("1")
    return settle(at=NOW)


ADAPTERS = pytest.mark.parametrize(
    ("names", "cart"),
    [(True, "c1"), (True, ""), (False, "c1"), (False, "")],
    ids=["names codes and carts", "names codes", "names carts", "names neither"],
)
"""What a shop's adapter tells of an order."""


@ADAPTERS
@pytest.mark.parametrize(
    "steps", [(committing, reading), (reading, committing), (committing, reading, committing, reading)]
)
def test_whichever_comes_first_the_order_has_used_it_once(
    shop: FakeShop, coupon: Coupon, names: bool, cart: str, steps: tuple[Step, ...]
) -> None:
    place(shop, *([coupon] if names else []), cart=cart)
    for step in steps:
        step(shop, coupon)
    rows = Redemption.objects.exclude(state="released")
    assert [(row.state, row.order, row.discount_minor) for row in rows] == [("committed", "1", 400)]
    assert (taken(coupon), tally(coupon.offer)) == (1, [1])
    assert told() == [("CouponRedeemed", 400)]
    assert rows.get().customer_id == Order.objects.get().customer_id


@ADAPTERS
@pytest.mark.parametrize(
    "steps",
    [
        (committing, reading, cancelling),
        (committing, cancelling),
        (cancelling, committing),
        (reading, cancelling, committing),
        (cancelling, committing, committing, reading, cancelling),
    ],
)
def test_a_cancelled_order_has_given_it_back_whichever_comes_first(
    shop: FakeShop, coupon: Coupon, names: bool, cart: str, steps: tuple[Step, ...]
) -> None:
    place(shop, *([coupon] if names else []), cart=cart)
    for step in steps:
        step(shop, coupon)
    assert not Redemption.objects.exclude(state="released").exists()
    assert (taken(coupon), tally(coupon.offer)) == (0, [0])
    assert told() in ([], [("CouponRedeemed", 400), ("CouponReturned", "cancelled")])


@ADAPTERS
@pytest.mark.parametrize(
    "steps", [(committing, reading, cancelling, reinstating), (committing, cancelling, reinstating)]
)
def test_an_order_that_is_taken_up_again_has_used_it_again(
    shop: FakeShop, coupon: Coupon, names: bool, cart: str, steps: tuple[Step, ...]
) -> None:
    place(shop, *([coupon] if names else []), cart=cart)
    for step in steps:
        step(shop, coupon)
    assert (uses(coupon)[-1], taken(coupon), tally(coupon.offer)) == (("committed", "1"), 1, [1])


def test_an_order_that_says_another_discount_is_believed(shop: FakeShop) -> None:
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=1000)])
    coupon = give(offer)
    till.reserve(basket(), [coupon.code], at=NOW)
    commit("1", coupon.code)
    place(shop, coupon, off="3.50")
    settle(at=NOW)
    assert (Redemption.objects.get().discount_minor, tally(offer)) == (350, [350])


def test_what_was_released_for_an_order_that_names_no_codes_stays_released(shop: FakeShop, coupon: Coupon) -> None:
    commit("1", coupon.code)
    till.release(order="1", at=NOW)
    place(shop)
    settle(at=NOW)
    settlement.settle({"1"}, at=NOW)
    assert (uses(coupon), taken(coupon)) == ([("released", "1")], 0)


def test_a_leaflets_code_is_the_customers_as_soon_as_the_order_says_who_that_is(shop: FakeShop) -> None:
    wish = Wish(key="leaflet", code="LEAFLET", cap=100)
    coupon = coupons.issue(wish, offer=make_offer(), source="test", at=NOW)
    assert coupon is not None
    till.reserve(basket(), ["leaflet"], at=NOW)
    commit("1", "leaflet")
    assert Redemption.objects.get().customer_id is None
    place(shop)
    settle(at=NOW)
    assert Redemption.objects.get().customer == Customer.objects.get(address=ADA)


@pytest.mark.django_db(transaction=True)
def test_an_order_that_was_read_and_cancelled_meanwhile_is_caught_up_with(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading saw no use yet, and the commit no cancellation."""
    coupon = give(make_offer())
    till.reserve(basket(), [coupon.code], at=NOW)
    place(shop, cart="")
    write = till.Book.write

    def meanwhile(book: Any) -> None:
        cancelling(shop, coupon)
        write(book)

    monkeypatch.setattr(till.Book, "write", meanwhile)
    till.commit(order="1", cart="c1", typed=[coupon.code], at=NOW)
    monkeypatch.undo()
    assert (uses(coupon), taken(coupon)) == ([("released", "1")], 0)
    assert told() == [("CouponRedeemed", 400), ("CouponReturned", "cancelled")]


def test_the_first_reason_of_a_refusal_is_its_word() -> None:
    with pytest.raises(till.Refused) as no:
        till.reserve(basket(), ["NO-SUCH-CODE"], at=NOW)
    assert (no.value.code, no.value.reason, str(no.value)) == (
        "NO-SUCH-CODE", Reason.UNKNOWN, "NO-SUCH-CODE: unknown",
    )  # fmt: skip
