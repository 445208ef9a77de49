"""Fixtures for tests of an adapter, or of anything that stands on ``retention``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from retention.shop import get_shop
from retention.testing.clock import Clock
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld

# Without it a failed assertion of the contract would say no more than "assert False".
pytest.register_assert_rewrite("retention.testing.contract")


@pytest.fixture
def clock() -> Clock:
    """A clock at 2 March 2026, 09:00 UTC."""
    return Clock()


@pytest.fixture
def fake_shop(settings: Any, clock: Clock) -> Iterator[FakeShop]:
    """An empty shop in memory, whose time is ``clock``, in place of the one in the settings."""
    settings.RETENTION = {**getattr(settings, "RETENTION", {}), "SHOP": "retention.testing.shop.FakeShop"}
    shop = get_shop()
    assert isinstance(shop, FakeShop)
    shop.reset(clock)
    yield shop
    shop.reset()


@pytest.fixture
def fake_world(fake_shop: FakeShop) -> FakeWorld:
    """Visitors, products and checkouts of the shop in memory."""
    return FakeWorld(fake_shop)


@pytest.fixture
def drain(db: None) -> Callable[[datetime], None]:
    """``drain(at)`` reads the inbox, numbers the facts and hands them out, until nothing is left."""
    return lambda at: settle(at=at)
