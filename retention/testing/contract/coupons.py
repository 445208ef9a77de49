"""Coupons in the cart: what they take off, and when they are refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from retention.shop import CouponRejected, CouponSpec
from retention.testing.contract.making import GUEST, counting, coupon, filled
from retention.testing.world import World


def total(world: World, visitor: Any) -> Decimal:
    """Return what the visitor's cart costs now."""
    cart = world.ask(visitor, world.shop.get_cart)
    assert cart is not None
    return cart.total


def refusal(world: World, visitor: Any, code: str) -> str:
    """Return the reason for which the code is refused; the cart costs what it did."""
    before = total(world, visitor)
    with pytest.raises(CouponRejected) as raised:
        world.ask(visitor, world.shop.apply_coupon, code)
    assert total(world, visitor) == before
    return raised.value.reason


@pytest.mark.django_db
class CouponsContract:
    """For a shop with COUPONS and BASKET."""

    def test_a_percentage_is_taken_off(self, world: World) -> None:
        visitor = filled(world, price="12.35", quantity=3)
        world.ask(visitor, world.shop.apply_coupon, coupon(world, value=Decimal(15)))
        assert total(world, visitor) == Decimal("31.49")  # 37.05 less 5.56 (5.5575)

    def test_an_amount_is_taken_off_as_the_shopper_reads_it(self, world: World) -> None:
        visitor = filled(world, price="12.35", quantity=3)
        world.ask(visitor, world.shop.apply_coupon, coupon(world, kind="amount", value=Decimal("5.00")))
        assert total(world, visitor) == Decimal("32.05")

    def test_no_more_is_taken_off_than_there_is(self, world: World) -> None:
        visitor = filled(world, price="3.00")
        world.ask(visitor, world.shop.apply_coupon, coupon(world, kind="amount", value=Decimal("5.00")))
        assert total(world, visitor) == Decimal("0.00")

    def test_the_cheapest_piece_is_free(self, world: World) -> None:
        visitor = filled(world, price="8.00", quantity=2)
        world.put(visitor, world.add_product("Bowl", Decimal("30.00")))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, kind="free_product", value=Decimal(0)))
        assert total(world, visitor) == Decimal("38.00")

    def test_only_the_products_meant_are_cheaper(self, world: World) -> None:
        visitor = world.visit()
        bowl = world.add_product("Bowl", Decimal("30.00"))
        world.put(visitor, bowl)
        world.put(visitor, world.add_product("Cup", Decimal("10.00")))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, products=(bowl,), value=Decimal(50)))
        assert total(world, visitor) == Decimal("25.00")

    def test_only_the_category_meant_is_cheaper(self, world: World) -> None:
        visitor = world.visit()
        bowl = world.add_product("Bowl", Decimal("30.00"), category="clay")
        world.put(visitor, bowl)
        world.put(visitor, world.add_product("Pad", Decimal("10.00"), category="paper"))
        [clay] = world.shop.get_products([bowl])[bowl].categories
        world.ask(visitor, world.shop.apply_coupon, coupon(world, categories=(clay,), value=Decimal(50)))
        assert total(world, visitor) == Decimal("25.00")

    def test_two_coupons_of_one_offer_and_one_of_another_are_told_apart(self, world: World) -> None:
        coupon(world, "FIRST-CODE-0001", value=Decimal(10))
        coupon(world, "OTHER-CODE-0002", offer="summer", name="Spring", value=Decimal(50))
        coupon(world, "THIRD-CODE-0003", value=Decimal(10))
        coupon(world, "NEWER-CODE-0004", value=Decimal(20))  # the same offer, its terms changed since
        totals = {}
        for code in ("FIRST-CODE-0001", "OTHER-CODE-0002", "THIRD-CODE-0003", "NEWER-CODE-0004"):
            visitor = filled(world, price="10.00")
            world.ask(visitor, world.shop.apply_coupon, code)
            totals[code] = total(world, visitor)
        assert [str(value) for value in totals.values()] == ["9.00", "5.00", "9.00", "8.00"]

    def test_letter_case_and_spaces_around_a_code_do_not_matter(self, world: World) -> None:
        coupon(world, "SPRING-CODE-01")
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, " spring-code-01 ")
        assert total(world, visitor) == Decimal("9.00")
        cart = world.ask(visitor, world.shop.get_cart)
        assert cart is not None
        assert cart.coupons == ("SPRING-CODE-01",)

    def test_a_coupon_is_in_the_cart_once_and_can_be_taken_out(self, world: World) -> None:
        code = coupon(world)
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        world.ask(visitor, world.shop.apply_coupon, code)
        assert total(world, visitor) == Decimal("9.00")
        world.ask(visitor, world.shop.remove_coupon, code)
        world.ask(visitor, world.shop.remove_coupon, code)
        assert total(world, visitor) == Decimal("10.00")

    def test_a_coupon_that_comes_before_the_cart_waits_for_it(self, world: World) -> None:
        visitor = world.visit()
        world.ask(visitor, world.shop.apply_coupon, coupon(world))
        world.put(visitor, world.add_product("Cup", Decimal("10.00")))
        assert total(world, visitor) == Decimal("9.00")

    def test_a_waiting_coupon_waits_until_its_minimum_is_there(self, world: World) -> None:
        visitor = world.visit()
        cup = world.add_product("Cup", Decimal("10.00"))
        world.ask(visitor, world.shop.apply_coupon, coupon(world, minimum=Decimal("20.00")))
        world.put(visitor, cup)
        assert total(world, visitor) == Decimal("10.00")
        world.put(visitor, cup)
        assert total(world, visitor) == Decimal("18.00")

    def test_a_refusal_has_its_reason(self, world: World) -> None:
        visitor = filled(world, price="10.00")
        day = timedelta(days=1)
        assert refusal(world, visitor, "NO-SUCH-CODE-99") == "unknown"
        assert refusal(world, visitor, coupon(world, "OLD-CODE-00001", ends_at=world.now() - day / 2)) == "expired"
        early = coupon(world, "EARLY-CODE-0001", starts_at=world.now() + day)
        assert refusal(world, visitor, early) == "not_started"
        assert refusal(world, visitor, coupon(world, "MIN-CODE-00001", minimum=Decimal("10.01"))) == "minimum"
        other = "USD" if world.currency != "USD" else "EUR"
        foreign = coupon(world, "DOLLAR-CODE-001", kind="amount", value=Decimal(5), currency=other)
        assert refusal(world, visitor, foreign) == "currency"
        bowl = world.add_product("Bowl", Decimal("30.00"))
        assert refusal(world, visitor, coupon(world, "BOWL-CODE-0001", products=(bowl,))) == "products"

    def test_somebody_elses_coupon_is_refused(self, world: World) -> None:
        owner = world.add_user(GUEST)
        code = coupon(world, email=GUEST, user_id=owner.pk)
        assert refusal(world, filled(world, user=world.add_user("stranger@example.com")), code) == "owner"
        mine = filled(world, price="10.00", user=owner)
        world.ask(mine, world.shop.apply_coupon, code)
        assert total(world, mine) == Decimal("9.00")

    def test_a_coupon_bound_to_an_account_alone_is_refused_to_others(self, world: World) -> None:
        owner = world.add_user(GUEST)
        code = coupon(world, user_id=owner.pk)
        assert refusal(world, filled(world, user=world.add_user("stranger@example.com")), code) == "owner"
        mine = filled(world, price="10.00", user=owner)
        world.ask(mine, world.shop.apply_coupon, code)
        assert total(world, mine) == Decimal("9.00")

    def test_a_disabled_coupon_is_refused(self, world: World) -> None:
        code = coupon(world)
        assert world.shop.coupon_status([code])[code].active is True
        world.shop.disable_coupons([code, "NO-SUCH-CODE-99"])
        assert world.shop.coupon_status([code])[code].active is False
        assert refusal(world, filled(world), code) == "expired"

    def test_coupons_are_extended_all_at_once_and_nothing_else_is(self, world: World) -> None:
        day = timedelta(days=1)
        over = [coupon(world, f"OVER-CODE-000{n}", ends_at=world.now() - day / 2) for n in range(3)]
        other = coupon(world, "OTHER-CODE-0001", ends_at=world.now() - day / 2)
        world.shop.extend_coupons([*over, "NO-SUCH-CODE-99"], ends_at=world.now() + day)
        active = {code: status.active for code, status in world.shop.coupon_status([*over, other]).items()}
        assert active == {**dict.fromkeys(over, True), other: False}
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, over[0])
        assert total(world, visitor) == Decimal("9.00")
        world.shop.extend_coupons(over, ends_at=world.now() - day / 4)
        assert total(world, visitor) == Decimal("10.00")

    def test_a_code_that_exists_is_left_as_it_is(self, world: World) -> None:
        code = coupon(world, value=Decimal(10))
        coupon(world, code, value=Decimal(90))
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        assert total(world, visitor) == Decimal("9.00")

    def test_many_coupons_take_as_many_queries_as_few(self, world: World) -> None:
        coupon(world)

        def specs(prefix: str, count: int) -> list[CouponSpec]:
            return [
                CouponSpec(
                    code=f"{prefix}-CODE-{number:04}",
                    offer="spring",
                    name="Spring",
                    kind="percentage",
                    value=Decimal(10),
                    currency=world.currency,
                    email=f"{prefix}{number}@example.com",
                    starts_at=world.now(),
                    ends_at=world.now() + timedelta(days=30),
                )
                for number in range(count)
            ]

        with counting() as few:
            world.shop.create_coupons(specs("FEW", 2))
        with counting() as many:
            world.shop.create_coupons(specs("MANY", 40))
        assert len(many) == len(few)
        assert len(world.shop.coupon_status([f"MANY-CODE-{number:04}" for number in range(50)])) == 40

    def test_an_uninstalled_shop_knows_no_coupon_of_ours_and_its_carts_work(self, world: World) -> None:
        code = coupon(world)
        visitor = filled(world, price="10.00")
        world.ask(visitor, world.shop.apply_coupon, code)
        assert world.shop.uninstall().lines
        assert world.shop.coupon_status([code]) == {}
        assert total(world, visitor) == Decimal("10.00")
        assert world.checkout(visitor, GUEST)
        world.shop.uninstall()
