"""No failure of ours loses an order, whatever transaction the shop is in."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection, connections
from django.test import Client
from oscar.apps.order.signals import order_placed
from oscar.core.loading import get_model

from retention import registry
from retention.contrib.oscar import choices
from retention.models import CheckoutChoice, Signal
from retention.registry import CheckoutGuard
from tests.oscar.world import OscarWorld


@pytest.fixture(params=[False, True], ids=["autocommit", "atomic-requests"])
def world(request: pytest.FixtureRequest, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> OscarWorld:
    """Committed for real, with and without a transaction around each request."""
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", request.param)
    return OscarWorld()


def fail_in_the_database(*args: Any, **kwargs: Any) -> None:
    """Fail as a database fails: on PostgreSQL the transaction is dead until its savepoint is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


def ready(world: OscarWorld) -> Client:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    world.to_preview(visitor, "ada@example.com")
    return visitor


def assert_placed(visitor: Client, response: Any) -> None:
    assert response["Location"] == "/checkout/thank-you/"
    order = get_model("order", "Order").objects.get()
    assert order.lines.count() == 1
    assert order.basket.status == "Submitted"
    assert visitor.session["checkout_order_id"] == order.pk
    assert len(mail.outbox) == 1, "Oscar's own confirmation goes out"


@pytest.fixture(autouse=True)
def mailbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def test_an_inbox_that_fails_in_the_database_loses_no_order(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = ready(world)
    monkeypatch.setattr(Signal.objects, "create", fail_in_the_database)
    assert_placed(visitor, world.place(visitor))
    monkeypatch.undo()
    assert Signal.objects.count() == 0
    assert "the sweep will find it" in caplog.text


@pytest.mark.postgres
def test_the_same_failure_without_a_savepoint_does_lose_the_order(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what the savepoint is for."""
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    world = OscarWorld()
    visitor = ready(world)

    def careless(**_signal: Any) -> None:
        try:
            fail_in_the_database()
        except DatabaseError:
            return

    order_placed.connect(careless)
    try:
        with suppress(DatabaseError):  # what the shopper sees does not matter here
            world.place(visitor)
    finally:
        order_placed.disconnect(careless)
    assert get_model("order", "Order").objects.count() == 0


def test_evidence_that_cannot_be_kept_loses_no_order(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = ready(world)
    monkeypatch.setattr(CheckoutChoice.objects, "get_or_create", fail_in_the_database)
    assert_placed(visitor, world.place(visitor, **{choices.SHOWN: f"{choices.wording('en').version}:en"}))
    assert CheckoutChoice.objects.count() == 0
    assert "could not be kept" in caplog.text


def test_a_guard_that_fails_lets_the_order_through(
    world: OscarWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = ready(world)
    registry.checkout_guards.add("failing", CheckoutGuard(name="failing", reserve=fail_in_the_database))
    try:
        assert_placed(visitor, world.place(visitor))
    finally:
        registry.checkout_guards.remove("failing")
    assert "could not reserve" in caplog.text
