"""A guest's order becomes a member's: once, with its coupon and its address."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection
from oscar.core.loading import get_model

from retention.testing.contract.making import GUEST, coupon, filled, order
from tests.oscar.world import OscarWorld


def test_the_address_is_copied_once_and_filled_in_next_time(world: OscarWorld) -> None:
    references = [order(world, email=GUEST) for _ in range(2)]
    user = world.add_user(GUEST)
    for reference in references:
        assert world.shop.claim_order(reference, user=user) is True
    address = get_model("address", "UserAddress").objects.get()
    assert (address.user_id, address.line1, address.postcode) == (user.pk, "1 Example Street", "12345")
    assert address.num_orders_as_shipping_address == 2
    assert address.is_default_for_shipping
    assert address.is_default_for_billing
    visitor = filled(world, user=user)
    page = visitor.get("/checkout/shipping-address/")
    assert page.content.decode().count("1 Example Street") >= 1


def test_another_address_comes_beside_it_and_does_not_take_its_place(world: OscarWorld) -> None:
    first = order(world, email=GUEST)
    visitor = filled(world)
    world.to_preview(visitor, GUEST, line1="2 Other Street")
    world.place(visitor)
    second = str(visitor.session["checkout_order_id"])
    user = world.add_user(GUEST)
    world.shop.claim_order(first, user=user)
    world.shop.claim_order(second, user=user)
    book = get_model("address", "UserAddress").objects.filter(user=user).order_by("line1")
    assert [(entry.line1, entry.is_default_for_shipping) for entry in book] == [
        ("1 Example Street", True),
        ("2 Other Street", False),
    ]


def test_the_use_of_a_coupon_becomes_the_members(world: OscarWorld) -> None:
    code = coupon(world)
    visitor = filled(world)
    world.ask(visitor, world.shop.apply_coupon, code)
    reference = world.checkout(visitor, GUEST)
    user = world.add_user(GUEST)
    world.shop.claim_order(reference, user=user)
    assert get_model("voucher", "VoucherApplication").objects.get().user == user


def test_a_stranger_gets_neither_order_nor_address(world: OscarWorld) -> None:
    reference = order(world, email=GUEST)
    stranger = world.add_user("ada.guest+other@example.com")
    assert world.shop.claim_order(reference, user=stranger) is False
    assert get_model("address", "UserAddress").objects.count() == 0
    assert world.order(reference).user is None


def test_the_member_sees_the_order_in_the_shop(world: OscarWorld) -> None:
    reference = order(world, email=GUEST)
    user = world.add_user(GUEST)
    before = world.shop.order_url(world.shop.get_orders([reference])[reference])
    assert "order-status" in before
    world.shop.claim_order(reference, user=user)
    url = world.shop.order_url(world.shop.get_orders([reference])[reference])
    assert world.visit(user).get(url).status_code == 200
    assert world.visit(world.add_user("stranger@example.com")).get(url).status_code == 404


@pytest.mark.postgres
def test_of_many_claims_at_once_one_wins(transactional_db: None) -> None:
    world = OscarWorld()
    reference = order(world, email=GUEST)
    users = [world.add_user(GUEST) for _ in range(4)]

    def claim(user: object) -> bool:
        try:
            return world.shop.claim_order(reference, user=user)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(claim, users))
    assert sum(won) == 1
    assert world.order(reference).user == users[won.index(True)]
    assert get_model("address", "UserAddress").objects.count() == 1


def test_a_cart_of_a_claimed_order_stays_what_it_was(world: OscarWorld) -> None:
    reference = order(world, email=GUEST, price="20.00")
    before = world.shop.get_orders([reference])[reference]
    user = world.add_user(GUEST)
    world.shop.claim_order(reference, user=user)
    after = world.shop.get_orders([reference])[reference]
    assert (after.cart, after.total, after.items) == (before.cart, before.total, Decimal("20.00"))
    assert after.email == GUEST
