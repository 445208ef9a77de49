"""Coupons at the checkout: used once, by whom they are for, and given back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from retention.testing.contract.coupons import refusal, total
from retention.testing.contract.making import GUEST, coupon, filled
from retention.testing.world import World


@pytest.mark.django_db
class RedemptionContract:
    """For a shop with COUPONS and BASKET."""

    def test_the_order_names_its_coupon_and_what_it_took_off(self, world: World) -> None:
        code = coupon(world, kind="amount", value=Decimal("5.00"))
        visitor = filled(world, price="12.00", quantity=2)
        world.ask(visitor, world.shop.apply_coupon, code)
        reference = world.checkout(visitor, GUEST)
        data = world.shop.get_orders([reference])[reference]
        assert [(use.code, use.discount) for use in data.coupons] == [(code, Decimal("5.00"))]
        assert data.items == Decimal("19.00")
        assert data.lines[0].list_price == Decimal("24.00")
        assert data.lines[0].amount == Decimal("19.00")

    def test_a_coupon_is_used_once(self, world: World) -> None:
        code = coupon(world)
        visitor = filled(world)
        world.ask(visitor, world.shop.apply_coupon, code)
        assert world.checkout(visitor, GUEST)
        assert world.shop.coupon_status([code])[code].used == 1
        assert world.shop.coupon_status([code])[code].active is False
        assert refusal(world, filled(world), code) == "used"

    def test_a_coupon_for_two_orders_is_used_twice(self, world: World) -> None:
        code = coupon(world, uses=2)
        for _ in range(2):
            visitor = filled(world, price="10.00")
            world.ask(visitor, world.shop.apply_coupon, code)
            assert total(world, visitor) == Decimal("9.00")
            assert world.checkout(visitor, GUEST)
        assert refusal(world, filled(world), code) == "used"

    def test_a_code_used_elsewhere_is_refused_before_payment_and_the_next_try_succeeds(self, world: World) -> None:
        code = coupon(world)
        first, second = filled(world, price="10.00"), filled(world, price="10.00")
        for visitor in (first, second):
            world.ask(visitor, world.shop.apply_coupon, code)
        assert world.checkout(first, GUEST)
        assert world.checkout(second, "bert@example.com") == "", "placed with a coupon that is used up"
        assert total(world, second) == Decimal("10.00")
        reference = world.checkout(second, "bert@example.com")
        assert world.shop.get_orders([reference])[reference].coupons == ()
        assert world.shop.coupon_status([code])[code].used == 1

    def test_a_guest_with_an_alias_of_the_owners_address_may_use_it_and_a_stranger_may_not(self, world: World) -> None:
        code = coupon(world, email="ada@example.com")
        stranger = filled(world, price="10.00")
        world.ask(stranger, world.shop.apply_coupon, code)  # nobody knows yet who this is
        assert world.checkout(stranger, "stranger@example.com") == ""
        assert total(world, stranger) == Decimal("10.00")
        assert world.shop.coupon_status([code])[code].used == 0
        owner = filled(world, price="10.00")
        world.ask(owner, world.shop.apply_coupon, code)
        reference = world.checkout(owner, "Ada+shop@example.com")
        assert world.shop.get_orders([reference])[reference].items == Decimal("9.00")

    def test_a_released_coupon_can_be_used_again_and_is_released_once(self, world: World) -> None:
        code = coupon(world)
        visitor = filled(world)
        world.ask(visitor, world.shop.apply_coupon, code)
        reference = world.checkout(visitor, GUEST)
        assert world.shop.release_coupon(code, order_reference="987654321") is False
        assert world.shop.release_coupon(code, order_reference=reference) is True
        assert world.shop.release_coupon(code, order_reference=reference) is False
        assert world.shop.coupon_status([code])[code].used == 0
        again = filled(world, price="10.00")
        world.ask(again, world.shop.apply_coupon, code)
        assert total(world, again) == Decimal("9.00")
        assert world.checkout(again, GUEST)

    def test_shipping_is_free(self, world: World) -> None:
        code = coupon(world, kind="free_shipping", value=Decimal(0))
        plain = world.checkout(filled(world, price="10.00"), GUEST)
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        reference = world.checkout(visitor, GUEST)
        found = world.shop.get_orders([plain, reference])
        assert found[plain].shipping > 0
        assert found[reference].shipping == 0
        assert found[reference].items == Decimal("10.00")
        assert [use.code for use in found[reference].coupons] == [code]
