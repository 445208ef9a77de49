"""Five hundred orders while the broker refuses, hangs or is full: none fails, because none is told to it."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import redis
from oscar.core.loading import get_model

from retention.models import Signal
from tests.oscar.world import OscarWorld
from tests.servers import Servers

pytestmark = pytest.mark.faults

EACH = 167


@contextmanager
def broker(state: str) -> Iterator[str]:
    """A broker of our own in a bad state; yields its URL."""
    if state == "refused":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        yield f"redis://127.0.0.1:{port}/0"
        return
    servers = Servers("valkey")
    client = redis.Redis.from_url(servers.urls["valkey"])
    pid = client.info("server")["process_id"]
    try:
        if state == "full":
            client.config_set("maxmemory", "1")
            client.config_set("maxmemory-policy", "noeviction")
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.set("one", "more")
        else:
            os.kill(pid, signal.SIGSTOP)
        yield servers.urls["valkey"]
    finally:
        os.kill(pid, signal.SIGCONT)
        client.close()
        servers.stop()


@pytest.mark.parametrize("state", ["refused", "hung", "full"])
def test_no_order_fails_and_each_is_in_the_inbox(world: OscarWorld, settings: Any, state: str) -> None:
    cup = world.add_product("Cup", Decimal("10.00"))
    with broker(state) as url:
        settings.CELERY_BROKER_URL = settings.REDIS_URL = url
        for number in range(EACH):
            visitor = world.visit()
            world.put(visitor, cup)
            assert world.checkout(visitor, f"person{number}@example.com")
    assert get_model("order", "Order").objects.count() == EACH
    assert Signal.objects.filter(kind="order_placed").count() == EACH
