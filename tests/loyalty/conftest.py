"""Loyalty's tests run on a shop in memory that has been live for a year."""

from datetime import timedelta

import pytest

from retention.services import installation
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop


@pytest.fixture
def shop(fake_shop: FakeShop, clock: Clock, db: None) -> FakeShop:
    """The shop in memory, empty, live for a year."""
    installation.go_live(at=clock.now - timedelta(days=365))
    return fake_shop
