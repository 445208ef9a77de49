"""Carts: reading one, finding those left behind, taking one up again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from retention.shop import CartGone
from retention.testing.contract.making import GUEST, filled
from retention.testing.world import World


def idle(world: World) -> list[str]:
    """Return the references of carts last touched between a day and an hour ago."""
    now = world.now()
    carts = world.shop.iter_idle_carts(idle_since=now - timedelta(hours=1), oldest=now - timedelta(days=1))
    return [cart.reference for cart in carts]


@pytest.mark.django_db
class CartsContract:
    """For a shop with CARTS."""

    def test_a_visitor_without_anything_has_an_empty_cart(self, world: World) -> None:
        cart = world.ask(world.visit(), world.shop.get_cart)
        assert cart is not None
        assert (cart.reference, cart.lines, cart.total) == ("", (), Decimal(0))

    def test_a_cart_is_read_with_its_lines(self, world: World) -> None:
        visitor = world.visit()
        cup = world.add_product("Cup", Decimal("10.00"))
        world.put(visitor, cup, 2)
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert cart.reference
        assert cart.currency == world.currency
        assert cart.total == Decimal("20.00")
        assert [(line.product, line.quantity, line.price) for line in cart.lines] == [(cup, 2, Decimal("20.00"))]

    def test_the_order_names_its_cart(self, world: World) -> None:
        visitor = filled(world)
        cart = world.ask(visitor, world.shop.get_cart)
        reference = world.checkout(visitor, GUEST)
        assert cart is not None
        assert world.shop.get_orders([reference])[reference].cart == cart.reference

    def test_only_carts_left_in_that_time_and_not_ordered_are_idle(self, world: World) -> None:
        left = world.leave_cart(filled(world), ago=timedelta(hours=3))
        world.leave_cart(filled(world), ago=timedelta(minutes=5))
        world.leave_cart(filled(world), ago=timedelta(days=3))
        bought = filled(world)
        world.checkout(bought, GUEST)
        assert idle(world) == [left]

    def test_an_idle_cart_of_a_member_names_the_member(self, world: World) -> None:
        user = world.add_user("member@example.com")
        visitor = filled(world, price="10.00", user=user)
        world.leave_cart(visitor, ago=timedelta(hours=3))
        now = world.now()
        [cart] = world.shop.iter_idle_carts(idle_since=now, oldest=now - timedelta(days=1))
        assert (cart.user_id, cart.email) == (user.pk, "member@example.com")
        assert cart.total == Decimal("10.00")
        assert [line.quantity for line in cart.lines] == [1]

    def test_a_cart_is_taken_up_again_in_another_session(self, world: World) -> None:
        left = world.leave_cart(filled(world, price="10.00"), ago=timedelta(hours=3))
        elsewhere = world.visit()
        world.ask(elsewhere, world.shop.restore_cart, left)
        cart = world.ask(elsewhere, world.shop.get_cart)
        assert cart is not None
        assert cart.total == Decimal("10.00")
        assert world.checkout(elsewhere, GUEST)

    def test_a_members_cart_is_for_nobody_else(self, world: World) -> None:
        left = world.leave_cart(filled(world, user=world.add_user("member@example.com")), ago=timedelta(hours=3))
        for visitor in (world.visit(), world.visit(world.add_user("stranger@example.com"))):
            with pytest.raises(CartGone):
                world.ask(visitor, world.shop.restore_cart, left)

    def test_an_ordered_cart_is_gone(self, world: World) -> None:
        visitor = filled(world)
        cart = world.ask(visitor, world.shop.get_cart)
        world.checkout(visitor, GUEST)
        assert cart is not None
        for reference in (cart.reference, "987654321", "no cart"):
            with pytest.raises(CartGone):
                world.ask(world.visit(), world.shop.restore_cart, reference)
