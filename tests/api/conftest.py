"""Two shoppers, a root, and a clock that stands at noon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from rest_framework.test import APIClient

from tests.api import people, things
from tests.api.people import NOON, Shopper


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def ada(db: None) -> Shopper:
    return things.everything(people.shopper("ada"))


@pytest.fixture
def ben(db: None) -> Shopper:
    return things.everything(people.shopper("ben"))


@pytest.fixture
def root(db: None) -> APIClient:
    """Staff who may do everything."""
    return people.client(people.user("root", is_staff=True, is_superuser=True))


@pytest.fixture
def nobody(db: None) -> APIClient:
    return people.client()
