"""A broker that refuses, hangs or is full: a server of its own for each, so that the run's own goes on."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from tests.servers import Servers


@dataclass(frozen=True, kw_only=True, slots=True)
class Broker:
    """A server that we started."""

    url: str
    pid: int

    def stop(self) -> None:
        """Let it hang: connections are taken and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def fill(self) -> None:
        """Let it have no memory left for anything more."""
        with redis.Redis.from_url(self.url) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1mb")


@contextmanager
def broker() -> Iterator[Broker]:
    """Run one; it ends with the block, stopped or not."""
    servers = Servers("valkey")
    try:
        url = servers.urls["valkey"]
        with redis.Redis.from_url(url) as client:
            yield Broker(url=url, pid=client.info("server")["process_id"])
    finally:
        servers.stop()


def refused() -> str:
    """Return the URL of a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"redis://127.0.0.1:{free.getsockname()[1]}/0"


@contextmanager
def faulty(fault: str) -> Iterator[str]:
    """Yield the URL of a broker that is ``refused``, ``hung`` or ``full``."""
    if fault == "refused":
        yield refused()
        return
    with broker() as server:
        {"hung": server.stop, "full": server.fill}[fault]()
        yield server.url
