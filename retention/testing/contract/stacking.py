"""Several coupons in one cart, and coupons beside the shop's own offers."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from retention.shop import CartData, CouponRejected
from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import GUEST, coupon, filled
from retention.testing.world import World


def cart_of(world: World, visitor: Any) -> CartData:
    cart = world.ask(visitor, world.shop.get_cart)
    assert cart is not None
    return cart


def taken(world: World, visitor: Any) -> dict[str, str]:
    """Return what each code takes off now."""
    return {use.code: str(use.discount) for use in cart_of(world, visitor).discounts}


def every_order(world: World, codes: tuple[str, ...], *, price: str) -> list[dict[str, str]]:
    """Return what codes take off a cart, for each order in which they can be put in, without those found twice.

    A code that another keeps out is left out, as a shopper leaves it out.
    """
    found: list[dict[str, str]] = []
    product = world.add_product("Vase", Decimal(price))
    for order in permutations(codes):
        visitor = world.visit()
        world.put(visitor, product)
        for code in order:
            with suppress(CouponRejected):
                world.ask(visitor, world.shop.apply_coupon, code)
        cart = cart_of(world, visitor)
        assert cart.total == Decimal(price) - sum(use.discount for use in cart.discounts)
        if (uses := taken(world, visitor)) not in found:
            found.append(uses)
    return found


@pytest.mark.django_db
class StackingContract:
    """For a shop with COUPONS and BASKET."""

    def test_whatever_order_they_are_put_in_a_product_goes_first_then_a_percentage_then_an_amount(
        self, world: World
    ) -> None:
        codes = (
            coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("5.00")),
            coupon(world, "HALF-CODE-0001", offer="half", value=Decimal(50)),
            coupon(world, "TENTH-CODE-001", offer="tenth", value=Decimal(10)),
            coupon(world, "PIECE-CODE-001", offer="piece", kind="free_product", value=Decimal(0)),
        )
        product = world.add_product("Vase", Decimal("20.00"))
        for order in permutations(codes):
            visitor = world.visit()
            world.put(visitor, product, 3)
            for code in order:
                world.ask(visitor, world.shop.apply_coupon, code)
            assert taken(world, visitor) == {
                "PIECE-CODE-001": "20.00",
                "HALF-CODE-0001": "20.00",  # of 40, the older percentage
                "TENTH-CODE-001": "2.00",  # of 20
                "AMOUNT-CODE-01": "5.00",
            }
            assert total(world, visitor) == Decimal("13.00")

    def test_the_lowest_priority_takes_its_part_first(self, world: World) -> None:
        codes = (
            coupon(world, "LATE-CODE-0001", offer="late", value=Decimal(50), priority=99),
            coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("10.00"), priority=0),
            coupon(world, "TENTH-CODE-001", offer="tenth", value=Decimal(10), priority=11),
        )
        assert every_order(world, codes, price="110.00") == [
            {"AMOUNT-CODE-01": "10.00", "TENTH-CODE-001": "10.00", "LATE-CODE-0001": "45.00"}
        ]

    def test_what_an_amount_leaves_to_those_after_it_does_not_depend_on_who_came_first(self, world: World) -> None:
        codes = (
            coupon(world, "OLDER-CODE-001", offer="older", kind="amount", value=Decimal("8.00")),
            coupon(world, "NEWER-CODE-001", offer="newer", kind="amount", value=Decimal("7.00")),
        )
        assert every_order(world, codes, price="10.00") == [{"OLDER-CODE-001": "8.00", "NEWER-CODE-001": "2.00"}]

    def test_one_that_stands_alone_keeps_others_out_whatever_came_first(self, world: World) -> None:
        codes = (
            coupon(world, "OTHER-CODE-001", offer="other", value=Decimal(50), priority=0),
            coupon(world, "ALONE-CODE-001", offer="alone", value=Decimal(10), exclusive=True, priority=50),
            coupon(world, "MORE-CODE-0001", offer="more", kind="amount", value=Decimal("5.00"), priority=1),
        )
        assert every_order(world, codes, price="40.00") == [{"ALONE-CODE-001": "4.00"}]

    def test_of_two_that_stand_alone_the_first_in_turn_stays(self, world: World) -> None:
        codes = (
            coupon(world, "SECOND-CODE-01", offer="second", value=Decimal(50), exclusive=True, priority=10),
            coupon(world, "FIRST-CODE-001", offer="first", value=Decimal(10), exclusive=True, priority=9),
        )
        assert every_order(world, codes, price="40.00") == [{"FIRST-CODE-001": "4.00"}]

    def test_one_that_stands_alone_and_is_not_good_for_the_cart_keeps_nobody_out(self, world: World) -> None:
        alone = coupon(world, "ALONE-CODE-001", offer="alone", exclusive=True, minimum=Decimal("40.00"))
        other = coupon(world, "OTHER-CODE-001", offer="other", value=Decimal(20))
        visitor = filled(world, price="30.00")
        assert refusal(world, visitor, alone) == "minimum"
        world.ask(visitor, world.shop.apply_coupon, other)
        assert taken(world, visitor) == {"OTHER-CODE-001": "6.00"}

    def test_free_shipping_goes_with_a_percentage_and_not_with_one_that_stands_alone(self, world: World) -> None:
        ship = coupon(world, "SHIP-CODE-0001", offer="ship", kind="free_shipping", value=Decimal(0))
        visitor = filled(world, price="40.00")
        world.ask(visitor, world.shop.apply_coupon, ship)
        world.ask(visitor, world.shop.apply_coupon, coupon(world, "TENTH-CODE-001", offer="tenth"))
        reference = world.checkout(visitor, GUEST)
        order = world.shop.get_orders([reference])[reference]
        assert (order.items, order.shipping) == (Decimal("36.00"), Decimal(0))
        alone = filled(world, price="40.00")
        world.ask(alone, world.shop.apply_coupon, coupon(world, "ALONE-CODE-001", offer="alone", exclusive=True))
        more = coupon(world, "SHIP-CODE-0002", offer="ship", kind="free_shipping", value=Decimal(0))
        assert refusal(world, alone, more) == "exclusive"

    def test_free_shipping_may_stand_alone_too(self, world: World) -> None:
        ship = coupon(
            world, "SHIP-CODE-0001", offer="ship", kind="free_shipping", value=Decimal(0), exclusive=True, priority=90
        )
        tenth = coupon(world, "TENTH-CODE-001", offer="tenth")
        visitor = filled(world, price="40.00")
        world.ask(visitor, world.shop.apply_coupon, ship)
        assert refusal(world, visitor, tenth) == "exclusive"
        reference = world.checkout(visitor, GUEST)
        order = world.shop.get_orders([reference])[reference]
        assert (order.items, order.shipping) == (Decimal("40.00"), Decimal(0))

    def test_a_coupon_takes_its_part_of_what_the_shops_own_offer_has_left(self, world: World) -> None:
        visitor = world.visit()
        cup, bowl = world.add_product("Cup", Decimal("40.00")), world.add_product("Bowl", Decimal("60.00"))
        for product in (cup, bowl):
            world.put(visitor, product)
        world.put_on_sale(cup, Decimal(25))
        assert total(world, visitor) == Decimal("90.00")
        world.ask(visitor, world.shop.apply_coupon, coupon(world, exclusive=True))
        assert total(world, visitor) == Decimal("81.00")

    def test_a_coupon_that_is_not_for_sale_goods_takes_nothing_off_them(self, world: World) -> None:
        visitor = world.visit()
        cup, bowl = world.add_product("Cup", Decimal("40.00")), world.add_product("Bowl", Decimal("60.00"))
        for product in (cup, bowl):
            world.put(visitor, product)
        world.put_on_sale(cup, Decimal(25))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, sale_goods=False))
        assert {line.product: line.left for line in cart_of(world, visitor).lines} == {
            cup: Decimal("30.00"),
            bowl: Decimal("54.00"),
        }
        only_sale = world.visit()
        world.put(only_sale, cup)
        assert refusal(world, only_sale, coupon(world, "OTHER-CODE-001", sale_goods=False)) == "no_discount"

    def test_one_that_stands_alone_and_finds_sale_goods_only_keeps_nobody_out(self, world: World) -> None:
        visitor = world.visit()
        cup, bowl = world.add_product("Cup", Decimal("40.00")), world.add_product("Bowl", Decimal("60.00"))
        world.put_on_sale(cup, Decimal(25))
        for product in (cup, bowl):
            world.put(visitor, product)
        alone = coupon(world, "ALONE-CODE-001", offer="alone", exclusive=True, sale_goods=False, products=(cup,))
        assert refusal(world, visitor, alone) == "no_discount"
        world.ask(visitor, world.shop.apply_coupon, coupon(world, "OTHER-CODE-001", offer="other"))
        assert total(world, visitor) == Decimal("81.00")

    def test_the_order_has_what_the_cart_said(self, world: World) -> None:
        visitor = filled(world, price="20.00", quantity=3)
        for code in (
            coupon(world, "HALF-CODE-0001", offer="half", value=Decimal(50)),
            coupon(world, "AMOUNT-CODE-01", offer="amount", kind="amount", value=Decimal("5.00")),
            coupon(world, "PIECE-CODE-001", offer="piece", kind="free_product", value=Decimal(0)),
        ):
            world.ask(visitor, world.shop.apply_coupon, code)
        said = taken(world, visitor)
        reference = world.checkout(visitor, GUEST)
        order = world.shop.get_orders([reference])[reference]
        assert {use.code: str(use.discount) for use in order.coupons} == said
        assert order.items == Decimal("60.00") - sum(map(Decimal, said.values()))

    def test_a_coupon_that_was_paid_for_goes_beside_one_that_stands_alone_and_takes_what_it_leaves(
        self, world: World
    ) -> None:
        codes = (
            coupon(world, "ALONE-CODE-001", offer="alone", value=Decimal(50), exclusive=True),
            self._paid(world, "POINTS-CODE-01", "7.00"),
        )
        assert every_order(world, codes, price="40.00") == [{"ALONE-CODE-001": "20.00", "POINTS-CODE-01": "7.00"}]

    def test_coupons_of_one_offer_that_were_paid_for_each_take_off_their_own_amount(self, world: World) -> None:
        for code, value in (("POINTS-CODE-01", "7.00"), ("POINTS-CODE-02", "0.55")):
            self._paid(world, code, value)
            visitor = filled(world, price="40.00")
            world.ask(visitor, world.shop.apply_coupon, code)
            assert taken(world, visitor) == {code: value}

    def test_of_a_coupon_that_was_paid_for_no_more_is_taken_than_there_is_to_pay(self, world: World) -> None:
        visitor = filled(world, price="0.80")
        world.ask(visitor, world.shop.apply_coupon, self._paid(world, "POINTS-CODE-01", "7.00"))
        assert taken(world, visitor) == {"POINTS-CODE-01": "0.80"}
        assert total(world, visitor) == Decimal(0)

    @staticmethod
    def _paid(world: World, code: str, value: str) -> str:
        return coupon(world, code, offer="points", kind="amount", value=Decimal(value), own_value=True, priority=99)
