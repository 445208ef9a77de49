"""What the guards of the checkout are told of a cart, and that a no of theirs is heard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpRequest

from retention import registry
from retention.registry import CheckoutGuard
from retention.shop import CartData, CouponRejected
from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import GUEST, coupon, filled
from retention.testing.world import World


class Watch:
    """A guard that notes what it is told, and says no to some codes."""

    def __init__(self) -> None:
        self.checked: list[CartData] = []
        self.reserved: list[CartData] = []
        self.no: set[str] = set()

    def check(self, request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
        self._answer(self.checked, cart)

    def reserve(self, request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
        self._answer(self.reserved, cart)

    def _answer(self, told: list[CartData], cart: CartData) -> None:
        told.append(cart)
        for code in cart.coupons:
            if code in self.no:
                raise CouponRejected("budget", code=code.lower())


@contextmanager
def watching() -> Iterator[Watch]:
    watch = Watch()
    registry.checkout_guards.add("contract", CheckoutGuard(name="contract", reserve=watch.reserve, check=watch.check))
    try:
        yield watch
    finally:
        registry.checkout_guards.remove("contract")


@pytest.mark.django_db
class GuardsContract:
    """For a shop with COUPONS and BASKET."""

    def test_a_cart_says_what_each_code_takes_off_and_what_is_left_to_pay(self, world: World) -> None:
        visitor = world.visit()
        cup, bowl = world.add_product("Cup", Decimal("40.00")), world.add_product("Bowl", Decimal("60.00"))
        world.put_on_sale(cup, Decimal(25))
        for product in (cup, bowl):
            world.put(visitor, product)
        first = coupon(world, "FIRST-CODE-001", offer="first", value=Decimal(10))
        second = coupon(world, "BOWL-CODE-0001", offer="bowl", kind="amount", value=Decimal("4.00"), products=(bowl,))
        for code in (first, second):
            world.ask(visitor, world.shop.apply_coupon, code)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert {(use.code, use.discount) for use in cart.discounts} == {
            (first, Decimal("9.00")),
            (second, Decimal("4.00")),
        }
        assert {line.product: (line.price, line.left) for line in cart.lines} == {
            cup: (Decimal("40.00"), Decimal("27.00")),
            bowl: (Decimal("60.00"), Decimal("50.00")),
        }

    def test_a_cart_without_a_coupon_has_no_discounts_and_everything_left_to_pay(self, world: World) -> None:
        cart = world.ask(filled(world, price="10.00", quantity=2), world.shop.get_cart)
        assert cart is not None
        assert (cart.discounts, [line.left for line in cart.lines]) == ((), [Decimal("20.00")])

    def test_before_payment_the_guards_hear_of_every_discount_shipping_included(self, world: World) -> None:
        plain = world.checkout(filled(world, price="40.00"), GUEST)
        shipping = world.shop.get_orders([plain])[plain].shipping
        visitor = filled(world, price="40.00")
        ship = coupon(world, "SHIP-CODE-0001", offer="ship", kind="free_shipping", value=Decimal(0))
        tenth = coupon(world, "TENTH-CODE-001", offer="tenth")
        for code in (ship, tenth):
            world.ask(visitor, world.shop.apply_coupon, code)
        with watching() as watch:
            reference = world.checkout(visitor, GUEST)
        [cart] = watch.reserved
        assert {(use.code, use.discount) for use in cart.discounts} == {(ship, shipping), (tenth, Decimal("4.00"))}
        order = world.shop.get_orders([reference])[reference]
        assert set(order.coupons) == set(cart.discounts)

    def test_a_guards_no_keeps_a_code_out_of_the_cart(self, world: World) -> None:
        good, bad = coupon(world, "GOOD-CODE-0001", offer="good"), coupon(world, "POOR-CODE-0001", offer="bad")
        visitor = filled(world, price="40.00")
        with watching() as watch:
            watch.no.add(bad)
            world.ask(visitor, world.shop.apply_coupon, good)
            assert refusal(world, visitor, bad) == "budget"
        assert [cart.coupons for cart in watch.checked] == [(good,), (good, bad), (good,)]
        assert watch.checked[1].total < Decimal("36.00"), "the cart as it would be"
        assert watch.reserved == []
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert cart.coupons == (good,)

    def test_who_listens_hears_why_a_code_was_refused_before_payment(self, world: World) -> None:
        heard: list[tuple[str, str, str, str]] = []

        def listen(refusal: CouponRejected, place: str, cart: str, at: datetime) -> None:
            heard.append((refusal.code, refusal.reason, place, cart))

        code = coupon(world)
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        world.shop.extend_coupons([code], ends_at=world.now() - timedelta(hours=1))
        registry.coupon_refusals.add("contract", listen)
        try:
            assert world.checkout(visitor, GUEST) == ""
        finally:
            registry.coupon_refusals.remove("contract")
        assert heard == [(code, "expired", "checkout", cart.reference)]

    def test_a_guards_no_to_another_code_takes_that_one_out(self, world: World) -> None:
        old, new = coupon(world, "OLD-CODE-00001", offer="old"), coupon(world, "NEW-CODE-00001", offer="new")
        visitor = filled(world, price="40.00")
        world.ask(visitor, world.shop.apply_coupon, old)
        with watching() as watch:
            watch.no.add(old)
            world.ask(visitor, world.shop.apply_coupon, new)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert (cart.coupons, cart.total) == ((new,), Decimal("36.00"))

    def test_a_code_that_waited_for_the_cart_is_asked_about_too(self, world: World) -> None:
        visitor, cup = world.visit(), world.add_product("Cup", Decimal("10.00"))
        code = coupon(world)
        world.ask(visitor, world.shop.apply_coupon, code)
        with watching() as watch:
            watch.no.add(code)
            world.put(visitor, cup)
            assert [cart.coupons for cart in watch.checked] == [(code,)]
        assert total(world, visitor) == Decimal("10.00")
        world.put(visitor, cup)
        assert total(world, visitor) == Decimal("20.00"), "it does not wait any more"


@pytest.mark.django_db
class SigningInContract:
    """For a shop with COUPONS and BASKET: what a visitor has of a coupon is not lost by signing in."""

    def test_a_code_that_waits_goes_into_the_cart_that_the_member_had_left(self, world: World) -> None:
        user = world.add_user("member@example.com")
        filled(world, price="10.00", user=user)
        visitor: Any = world.visit()
        world.ask(visitor, world.shop.apply_coupon, coupon(world))
        world.sign_in(visitor, user)
        assert total(world, visitor) == Decimal("9.00")

    def test_a_code_that_waits_goes_on_waiting_where_the_member_has_no_cart(self, world: World) -> None:
        visitor, user = world.visit(), world.add_user("member@example.com")
        world.ask(visitor, world.shop.apply_coupon, coupon(world))
        world.sign_in(visitor, user)
        assert total(world, visitor) == Decimal(0)
        world.put(visitor, world.add_product("Cup", Decimal("10.00")))
        assert total(world, visitor) == Decimal("9.00")

    def test_a_coupon_in_a_guests_cart_stays_in_it(self, world: World) -> None:
        user = world.add_user("member@example.com")
        filled(world, price="30.00", user=user)
        visitor = filled(world, price="10.00")
        code = coupon(world, email="member@example.com")
        world.ask(visitor, world.shop.apply_coupon, code)
        world.sign_in(visitor, user)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert (cart.coupons, cart.total) == ((code,), Decimal("36.00"))
