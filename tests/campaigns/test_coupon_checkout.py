"""At checkout a coupon that cannot be honored goes before the money is taken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, MarginGuard, Redemption
from campaigns.services import checkout, coupons
from campaigns.services.coupons import Wish
from campaigns.services.limits import Cap, Measure
from campaigns.terms import Goods
from retention.models import Customer
from retention.shop import CouponRejected, CouponSpec
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.shelf import NOW, give, make_offer, percentage, reserve, taken, tally, uses

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


@pytest.fixture
def shop(fake_shop: FakeShop) -> FakeShop:
    fake_shop.add_product(price=Decimal("40.00"))
    return fake_shop


@pytest.fixture
def shopper(fake_world: FakeWorld, shop: FakeShop) -> Any:
    visitor = fake_world.visit()
    fake_world.put(visitor, "p1")
    return visitor


def use(shop: FakeShop, visitor: Any, coupon: Coupon) -> None:
    shop.apply_coupon(visitor, coupon.code)


def refused(shop: FakeShop, visitor: Any, email: str = ADA) -> tuple[str, str]:
    with pytest.raises(CouponRejected) as rejected:
        shop.checkout(visitor, email=email)
    return rejected.value.reason, rejected.value.code


def test_what_died_between_basket_and_payment_is_taken_out_and_the_order_goes_through_without(
    shop: FakeShop, shopper: Any
) -> None:
    offer = make_offer(max_uses=1)
    mine = give(offer)
    use(shop, shopper, mine)
    reserve(give(offer, key="other"), "elsewhere", email="bo@example.com")
    assert refused(shop, shopper) == ("offer_limit", mine.code)
    assert shop.orders == {}
    reference = shop.checkout(shopper, email=ADA)
    settle(at=NOW)
    assert shop.orders[reference].coupons == ()
    assert (taken(mine), uses(mine)) == (0, [])


def test_a_refusal_reserves_nothing_of_the_others(shop: FakeShop, shopper: Any) -> None:
    offer = make_offer(percentage(exclusive=False, per_customer=1))
    first, second = give(offer, key="1"), give(offer, key="2")
    use(shop, shopper, first)
    use(shop, shopper, second)
    assert refused(shop, shopper) == ("customer_limit", second.code)
    assert (taken(first), taken(second), Redemption.objects.count()) == (0, 0, 0)


def test_ten_tries_of_one_basket_hold_one_use(shop: FakeShop, shopper: Any) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    for _ in range(10):
        cart = shop.get_cart(shopper)
        assert cart is not None
        checkout.reserve(shopper, cart, email=ADA, user_id=None, at=NOW)
    assert (taken(coupon), uses(coupon)) == (1, [("reserved", "c1")])


def test_a_coupon_taken_out_of_the_basket_is_given_back_at_the_next_try(shop: FakeShop, shopper: Any) -> None:
    kept, dropped = (give(make_offer(percentage(exclusive=False), slug=slug)) for slug in ("kept", "dropped"))
    use(shop, shopper, kept)
    use(shop, shopper, dropped)
    hold(shop, shopper)
    shop.remove_coupon(shopper, dropped.code)
    hold(shop, shopper)
    assert (uses(kept), uses(dropped)) == ([("reserved", "c1")], [("released", "c1")])
    shop.remove_coupon(shopper, kept.code)
    hold(shop, shopper)
    assert uses(kept) == [("released", "c1")]
    assert (taken(kept), taken(dropped)) == (0, 0)


def hold(shop: FakeShop, visitor: Any, *, email: str = ADA) -> None:
    cart = shop.get_cart(visitor)
    assert cart is not None
    checkout.reserve(visitor, cart, email=email, user_id=None, at=NOW)


def test_a_basket_that_has_grown_holds_what_it_takes_off_now(
    shop: FakeShop, shopper: Any, fake_world: FakeWorld
) -> None:
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=1000)])
    coupon = give(offer)
    use(shop, shopper, coupon)
    hold(shop, shopper)
    assert (Redemption.objects.get(state="reserved").discount_minor, tally(offer)) == (400, [400])
    fake_world.put(shopper, "p1")
    hold(shop, shopper)
    assert (Redemption.objects.get(state="reserved").discount_minor, tally(offer)) == (800, [800])
    fake_world.put(shopper, "p1")
    with pytest.raises(CouponRejected) as rejected:
        hold(shop, shopper)
    assert (rejected.value.reason, tally(offer), taken(coupon)) == ("budget", [800], 1)


def test_what_another_session_held_for_this_basket_is_given_back(shop: FakeShop, shopper: Any) -> None:
    """A session that was lost remembers nothing; the basket does."""
    kept, dropped = (give(make_offer(percentage(exclusive=False), slug=slug)) for slug in ("kept", "dropped"))
    use(shop, shopper, dropped)
    hold(shop, shopper)
    del shopper.session[checkout.HELD]
    shop.remove_coupon(shopper, dropped.code)
    use(shop, shopper, kept)
    hold(shop, shopper)
    assert (uses(kept), uses(dropped)) == ([("reserved", "c1")], [("released", "c1")])


def test_a_refusal_leaves_a_reservation_with_the_basket_that_it_came_from(
    shop: FakeShop, shopper: Any, fake_world: FakeWorld
) -> None:
    offer = make_offer(caps=[Cap(measure=Measure.DISCOUNT, currency="EUR", most=500)])
    coupon = give(offer)
    use(shop, shopper, coupon)
    hold(shop, shopper)
    shopper.session.pop("fake_cart")
    fake_world.put(shopper, "p1")
    fake_world.put(shopper, "p1")
    use(shop, shopper, coupon)
    with pytest.raises(CouponRejected):
        hold(shop, shopper)
    assert (uses(coupon), tally(offer)) == ([("reserved", "c1")], [400])


# Who shops


@pytest.fixture
def leaflet(shop: FakeShop) -> Coupon:
    wish = Wish(key="leaflet", code="LEAFLET", cap=100)
    made = coupons.issue(wish, offer=make_offer(percentage(per_customer=1)), source="test", at=NOW)
    assert made is not None
    return made


def test_nobody_in_particular_reserves_nothing(shop: FakeShop, shopper: Any, leaflet: Coupon) -> None:
    """Else all such baskets would be one person, or each of them another."""
    use(shop, shopper, leaflet)
    with pytest.raises(CouponRejected) as rejected:
        hold(shop, shopper, email="")
    assert (rejected.value.reason, uses(leaflet)) == ("no_address", [])
    hold(shop, shopper)
    assert uses(leaflet) == [("reserved", "c1")]


def test_an_account_without_an_address_in_the_basket_is_counted_by_its_mailbox(
    shop: FakeShop, shopper: Any, leaflet: Coupon
) -> None:
    user = shop.create_customer(None, email="ada@example.com", password="a long password")
    Customer.objects.create(kind="member", user=user, email=user.email, address=user.email, created_at=NOW)
    reserve(leaflet, "as a guest", email="ADA+guest@example.com")
    use(shop, shopper, leaflet)
    cart = shop.get_cart(shopper)
    assert cart is not None
    for ask in (checkout.check, checkout.reserve):
        with pytest.raises(CouponRejected) as rejected:
            ask(shopper, cart, email="", user_id=user.pk, at=NOW)
        assert rejected.value.reason == "customer_limit"
    assert uses(leaflet) == [("reserved", "as a guest")]


def test_what_is_checked_and_what_is_reserved_count_the_same_person(shop: FakeShop, shopper: Any) -> None:
    """The coupon is a member's; the limit is the offer's, over all its coupons."""
    offer = make_offer(percentage(per_customer=1))
    user = shop.create_customer(None, email="ada@example.com", password="a long password")
    member = Customer.objects.create(kind="member", user=user, email=user.email, address=user.email, created_at=NOW)
    first, second = give(offer, member, key="1"), give(offer, member, key="2")
    use(shop, shopper, first)
    cart = shop.get_cart(shopper)
    assert cart is not None
    checkout.reserve(shopper, cart, email="", user_id=user.pk, at=NOW)
    elsewhere = replace(cart, reference="c2", coupons=(second.code,))
    with pytest.raises(CouponRejected) as rejected:
        checkout.check(shopper, elsewhere, email="", user_id=user.pk, at=NOW)
    assert rejected.value.reason == "customer_limit"


def test_a_reservation_follows_who_signs_in_and_gets_another_basket(
    shop: FakeShop, shopper: Any, fake_world: FakeWorld
) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    hold(shop, shopper)
    shopper.session.pop("fake_cart")  # the guest's basket is merged into another
    fake_world.put(shopper, "p1")
    use(shop, shopper, coupon)
    hold(shop, shopper)
    assert (taken(coupon), uses(coupon)) == (1, [("reserved", "c2")])


def test_a_reservation_does_not_follow_after_the_order(shop: FakeShop, shopper: Any, fake_world: FakeWorld) -> None:
    coupon = give(make_offer(percentage(uses=1)))
    use(shop, shopper, coupon)
    first = shop.checkout(shopper, email=ADA)
    shop.coupons[coupon.code].used_by.clear()  # a host that would take it twice, before we have read the order
    fake_world.put(shopper, "p1")
    use(shop, shopper, coupon)
    assert refused(shop, shopper) == ("reserved", coupon.code)
    settle(at=NOW)
    assert uses(coupon) == [("committed", first)]


def test_somebody_elses_session_cannot_take_a_reservation_over(
    shop: FakeShop, shopper: Any, fake_world: FakeWorld
) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    hold(shop, shopper)
    thief = fake_world.visit()
    fake_world.put(thief, "p1")
    use(shop, thief, coupon)
    assert refused(shop, thief) == ("reserved", coupon.code)
    assert uses(coupon) == [("reserved", "c1")]


def test_a_coupon_called_off_while_in_a_basket_is_refused(shop: FakeShop, shopper: Any) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    coupons.void([coupon], reason="leaked", at=NOW)
    shop.coupons[coupon.code].disabled = False  # a host that has not heard of it
    assert refused(shop, shopper) == ("void", coupon.code)


def test_somebody_elses_code_is_refused_at_the_address(shop: FakeShop, shopper: Any) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    theirs = shop.coupons[coupon.code]
    theirs.spec = replace(theirs.spec, email="")  # a host that does not know whose it is
    assert refused(shop, shopper, email="bo@example.com") == ("someone_elses", coupon.code)
    assert taken(coupon) == 0


def test_a_basket_without_codes_costs_no_query(shop: FakeShop, shopper: Any) -> None:
    with CaptureQueriesContext(connection) as asked:
        hold(shop, shopper)
    assert len(asked) == 0


def test_codes_of_the_merchants_own_are_left_alone(shop: FakeShop, shopper: Any) -> None:
    summer = CouponSpec(
        code="SUMMER", offer="summer", name="Summer", kind="percentage", value=Decimal("5"), starts_at=NOW, ends_at=NOW
    )
    shop.create_coupons([summer])
    shop.apply_coupon(shopper, "SUMMER")
    hold(shop, shopper)
    assert Redemption.objects.count() == 0


def test_a_plain_coupon_costs_one_look_and_two_writes(shop: FakeShop, shopper: Any) -> None:
    coupon = give(make_offer())
    use(shop, shopper, coupon)
    with CaptureQueriesContext(connection) as asked:
        hold(shop, shopper)
    words = [query["sql"].split()[0] for query in asked]
    assert [word for word in words if word not in ("SAVEPOINT", "RELEASE", "BEGIN")] == ["SELECT", "UPDATE", "INSERT"]


def test_the_shop_is_asked_once_in_which_categories_the_goods_are(
    shop: FakeShop, shopper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = shop.add_product(price=Decimal("10.00"), category="clay")
    shop.put(shopper, cup)
    use(shop, shopper, give(make_offer(percentage(goods=Goods(only_categories=("clay",))))))
    asked = []
    answer = shop.get_products
    monkeypatch.setattr(shop, "get_products", lambda references: asked.append(references) or answer(references))
    hold(shop, shopper)
    assert len(asked) == 1
    assert Redemption.objects.get().discount_minor == 100


def test_the_shop_is_asked_once_for_categories_and_costs_together(
    shop: FakeShop, shopper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup = shop.add_product(price=Decimal("10.00"), category="clay")
    shop.products[cup] = replace(shop.products[cup], cost=Decimal("5.00"))
    MarginGuard.objects.create(over_cost=Decimal(10))
    shop.put(shopper, cup)
    use(shop, shopper, give(make_offer(percentage(goods=Goods(only_categories=("clay",))))))
    asked = []
    answer = shop.get_products
    monkeypatch.setattr(shop, "get_products", lambda references: asked.append(references) or answer(references))
    hold(shop, shopper)
    assert len(asked) == 1
    assert Redemption.objects.get().discount_minor == 100
