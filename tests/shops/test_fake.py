"""The shop in memory keeps the contract, and can be a poorer one."""

import pytest

from retention.shop import NotSupported
from retention.testing.contract import ShopContract
from retention.testing.contract.making import GUEST, coupon, filled
from retention.testing.world import FakeWorld


class TestFakeShop(ShopContract):
    @pytest.fixture
    def world(self, fake_world: FakeWorld) -> FakeWorld:
        return fake_world


def test_it_can_be_a_shop_that_gives_no_use_of_a_coupon_back(fake_world: FakeWorld, db: None) -> None:
    shop, code = fake_world.shop, coupon(fake_world)
    visitor = filled(fake_world)
    fake_world.ask(visitor, shop.apply_coupon, code)
    order = fake_world.checkout(visitor, GUEST)
    shop.gives_back = False
    with pytest.raises(NotSupported):
        shop.release_coupon(code, order_reference=order)
    assert shop.coupon_status([code])[code].used == 1
    shop.reset()
    assert shop.gives_back is True
