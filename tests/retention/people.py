"""Customers for a test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from retention.hashing import normal
from retention.models import Customer
from retention.models.consent import Basis, Purpose
from retention.services import consent, customers
from tests.retention.shop import NOON


@pytest.fixture
def customer(db: None) -> Callable[..., Customer]:
    """Make a guest: a name, an address; with ``wants`` consents."""

    def make(
        email: str = "ada@example.com", *, wants: tuple[str, ...] = (), at: datetime = NOON, **given: Any
    ) -> Customer:
        given = {"kind": Customer.Kind.GUEST, "first_name": "Ada", "created_at": at, **given}
        row = Customer.objects.create(email=email, address=normal(email), **given)
        for purpose in wants:
            consent.grant(row, purpose=Purpose(purpose), basis=Basis.OPT_IN, source="test", at=at)
        return row

    return make


@pytest.fixture
def user(db: None) -> Callable[..., Any]:
    """Make an account of the shop; with ``joined`` its member's row."""

    def make(email: str = "ada@example.com", *, password: str = "a long password", joined: bool = False) -> Any:
        users = get_user_model().objects
        made = users.create_user(username=f"{users.count()}-{email}", email=email, password=password)
        if joined:
            customers.for_user(made, at=NOON)
        return made

    return make
