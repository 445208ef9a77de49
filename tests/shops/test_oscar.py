"""Oscar, by its real pages, keeps the contract."""

import pytest

from retention.testing.contract import ShopContract
from tests.oscar.world import OscarWorld


class TestOscarShop(ShopContract):
    @pytest.fixture
    def world(self, db: None) -> OscarWorld:
        return OscarWorld()
