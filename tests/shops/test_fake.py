"""The shop in memory keeps the contract."""

import pytest

from retention.testing.contract import ShopContract
from retention.testing.world import FakeWorld


class TestFakeShop(ShopContract):
    @pytest.fixture
    def world(self, fake_world: FakeWorld) -> FakeWorld:
        return fake_world
