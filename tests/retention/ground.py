"""The ground alone: its settings, a shop in memory, and nothing of the apps that stand on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from retention import registry
from retention.models import Customer, Fact
from retention.registry import Registry
from retention.services import drain, inbox, installation, outbox
from retention.services.outbox import Promise
from retention.shop import get_shop
from tests.retention.keys import RETENTION
from tests.retention.shop import NOON, LocalShop

LIVE = NOON - timedelta(days=30)


@pytest.fixture(autouse=True)
def wiring(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Wire the ground alone; call it with keys of RETENTION to change some."""
    settings.ROOT_URLCONF = "tests.retention.urls"
    settings.RETENTION = dict(RETENTION)
    settings.LANGUAGE_CODE = "en"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name.startswith("django.")]
    for shelf in vars(registry).values():
        if isinstance(shelf, Registry):
            ours = {name: item for name, item in shelf._items.items() if name.split(".")[0] == "retention"}
            monkeypatch.setattr(shelf, "_items", ours)

    def change(**keys: Any) -> None:
        settings.RETENTION = {**settings.RETENTION, **keys}

    with translation.override("en"):  # a request of an earlier test leaves its language behind
        yield change


@pytest.fixture
def bare_shop(wiring: Callable[..., None]) -> LocalShop:
    """The shop, empty; nothing is live."""
    shop = get_shop()
    assert isinstance(shop, LocalShop)
    shop.reset()
    return shop


@pytest.fixture
def shop(bare_shop: LocalShop, db: None) -> LocalShop:
    """The shop, empty, live for thirty days."""
    installation.go_live(at=LIVE)
    return bare_shop


def tell(*references: str, at: datetime = NOON) -> int:
    """Let the shop signal these orders, and read them."""
    for reference in references:
        inbox.record(kind="test", reference=reference)
    return drain.drain(at=at)


def happened(**about: Any) -> list[str]:
    """Return what the log says, in the order of writing: "OrderPlaced A1"."""
    rows = Fact.objects.filter(**about).order_by("pk")
    return [f"{row.kind.partition('.')[2]} {row.payload.get('order', '')}".strip() for row in rows]


def guest(email: str = "ada@example.com") -> Customer:
    """Return the guest's row of an address."""
    return Customer.objects.get(kind="guest", address=email, absorbed_into=None)


def promise(customer: Customer, mail: str = "test.receipt", *, key: str = "", **given: Any) -> Any:
    """Owe somebody a mail, and return its row."""
    key = key or f"{mail}:{customer.pk}"
    due = given.pop("due_at", NOON)
    outbox.post(Promise(key=key, mail=mail, customer=customer.pk, due_at=due, **given), at=due)
    return customer.messages.get(key=key)
