"""The broker refuses, hangs or is full: not one order fails, and who ticks without it does the work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError
from oscar.core.loading import get_model
from redis.exceptions import OutOfMemoryError

from example.celery import app
from retention.models import Order, Signal
from retention.services import ticks
from tests.faults import added
from tests.faults.brokers import faulty
from tests.faults.buyers import Buyers
from tests.oscar.world import OscarWorld

WHOLE = 500
NO = (OperationalError, OutOfMemoryError)
"""What a publisher gets of a broker that is refused or hung, and of one that is full."""


@pytest.fixture(params=["refused", "hung", "full"])
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the shop's Celery a broker with this fault."""
    with faulty(request.param) as url:
        monkeypatch.setenv("CELERY_BROKER_URL", url)
        yield request.param


def publish() -> None:
    """Publish as a careful shop does in a request: short timeouts, no second try."""
    with app.connection_for_write() as connection:
        app.send_task("retention.tick", connection=connection, retry=False)


@pytest.mark.parametrize("orders", [10, pytest.param(WHOLE, marks=pytest.mark.faults)])
def test_no_order_fails(transactional_db: None, fault: str, orders: int, capsys: pytest.CaptureFixture[str]) -> None:
    buyers = Buyers(OscarWorld())
    with pytest.raises(NO):
        publish()
    failed = 0
    with added.measured() as times:
        for _ in range(orders):
            failed += not buyers.buy(buyers.one())
            times.next()
    with pytest.raises(NO):
        publish()
    assert failed == 0
    assert get_model("order", "Order").objects.count() == orders
    assert Signal.objects.filter(kind="order_placed", drained_at=None).count() == orders

    ticks.run_due(at=timezone.now())
    assert Order.objects.count() == orders
    assert not Signal.objects.filter(drained_at=None).exists()
    if orders == WHOLE:
        with capsys.disabled():
            print(f"\nbroker {fault}: {failed} of {orders} orders failed; our part of placing one: {times}")
