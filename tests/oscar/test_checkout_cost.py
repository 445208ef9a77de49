"""What we add to the placing of an order: one INSERT in its savepoint, and not one socket."""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.apps.order.signals import order_placed

from retention.contrib.oscar import receivers
from retention.models import Signal
from tests.oscar.world import OscarWorld

MIDDLEWARE = "retention.contrib.oscar.middleware.CheckoutMiddleware"


@contextmanager
def without_us(settings: Any) -> Iterator[None]:
    """The shop as it was before: no middleware and no receiver of ours."""
    ours = settings.MIDDLEWARE
    settings.MIDDLEWARE = [name for name in ours if name != MIDDLEWARE]
    order_placed.disconnect(dispatch_uid="retention_oscar.placed")
    try:
        yield
    finally:
        settings.MIDDLEWARE = ours
        receivers.connect()


def place(world: OscarWorld, visitor: Client | None = None) -> list[str]:
    """Place an order as a guest. Returns the statements of the request that placed it."""
    visitor = visitor or world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    world.to_preview(visitor, "ada@example.com")
    with CaptureQueriesContext(connection) as queries:
        response = world.place(visitor)
    assert response["Location"] == "/checkout/thank-you/"
    return [query["sql"] for query in queries]


def shape(sql: str) -> str:
    """Return the statement without what differs from one order to the next."""
    return re.sub(r"\d+", "0", re.sub(r"'[^']*'", "?", re.sub(r'"s\d+_x\d+"', "", sql)))


def about(table: str, statements: list[str]) -> list[str]:
    return [sql for sql in statements if table in sql]


def test_placing_an_order_costs_one_insert_its_savepoint_and_a_look_at_the_coupons(
    world: OscarWorld, settings: Any
) -> None:
    place(world)  # what is cached once a process is not part of it
    with without_us(settings):
        plain = place(world)
    assert about('"retention_', plain) == []
    with_us = place(world)
    [insert] = about('"retention_', with_us)
    assert insert.startswith('INSERT INTO "retention_signal"')
    where = with_us.index(insert)
    assert with_us[where - 1].startswith("SAVEPOINT")
    assert with_us[where + 1].startswith("RELEASE SAVEPOINT")
    more = Counter(map(shape, with_us)) - Counter(map(shape, plain))
    assert sorted(sql.split()[0] for sql in more.elements()) == ["INSERT", "RELEASE", "SAVEPOINT", "SELECT"]
    [coupons] = [sql for sql in more if sql.startswith("SELECT")]
    assert ' FROM "voucher_voucher" ' in coupons
    assert len(with_us) <= len(plain) + 4
    assert Signal.objects.filter(kind="order_placed").count() == 2


def test_no_socket_is_opened_at_the_checkout(world: OscarWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    world.to_preview(visitor, "ada@example.com")

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a socket was opened to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    assert world.place(visitor)["Location"] == "/checkout/thank-you/"
    assert visitor.get("/checkout/thank-you/").status_code == 200
    assert Signal.objects.count() == 1


@pytest.mark.parametrize("broker", ["refused", "hung"])
def test_a_broker_that_does_not_answer_is_not_even_asked(world: OscarWorld, settings: Any, broker: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if broker == "refused":
            listener.close()
        settings.CELERY_BROKER_URL = settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        place(world)
        if broker == "hung":
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert Signal.objects.filter(kind="order_placed").count() == 1
