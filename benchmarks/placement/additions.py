"""What may be done when an order is placed, measured inside Oscar's own placement."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from oscar.apps.order.signals import order_placed

from benchmarks.placement.publishing import GaveUp
from tests.faults.added import PLACED
from tests.faults.buyers import Buyers


@dataclass(kw_only=True)
class Addition:
    """One way to tell the worker of an order."""

    name: str
    do: Callable[[Any], None]
    times: int
    """Orders a round."""
    rounds: list[list[float]] = field(default_factory=list)
    """Seconds, of each round's orders."""
    raised: int = 0
    gave_up: int = 0
    sockets: int = 0


def run(them: Sequence[Addition], buyers: Buyers) -> None:
    """Place the orders of one round, one of each in turn; only one addition at a time hears of an order."""
    receivers = {addition.name: _listening(addition) for addition in them}
    order_placed.disconnect(dispatch_uid=PLACED)
    for addition in them:
        addition.rounds.append([])
    for number in range(max(addition.times for addition in them)):
        for addition in them:
            if number < addition.times:
                order_placed.connect(receivers[addition.name], dispatch_uid=PLACED)
                buyer = buyers.one()
                with _counted_sockets(addition):
                    placed = buyers.buy(buyer)
                order_placed.disconnect(dispatch_uid=PLACED)
                assert placed, f"{addition.name}: the order was not placed"
    assert all(len(addition.rounds[-1]) == addition.times for addition in them)


def _listening(addition: Addition) -> Callable[..., None]:
    def receiver(*, order: Any, **_signal: Any) -> None:
        started = time.perf_counter()
        try:
            addition.do(order)
        except GaveUp:
            addition.gave_up += 1
        except Exception:  # noqa: BLE001  (counted; in a shop the shopper would see an error page)
            addition.raised += 1
        addition.rounds[-1].append(time.perf_counter() - started)

    return receiver


@contextmanager
def _counted_sockets(addition: Addition) -> Iterator[None]:
    connect = socket.socket.connect

    def counted(self: socket.socket, *address: Any) -> None:
        addition.sockets += 1
        connect(self, *address)

    socket.socket.connect = counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
