"""How long a checkout waits for us: the time spent behind each of our doors, added up for each order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from oscar.apps.order.signals import order_placed

from retention.contrib.oscar import receivers
from retention.contrib.oscar.middleware import CheckoutMiddleware

PLACED = "retention_oscar.placed"


class Added:
    """``next()`` after each order; ``seconds`` has one entry an order."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._running = 0.0

    def timed(self, door: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(door)
        def measured(*args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return door(*args, **named)
            finally:
                self._running += time.perf_counter() - started

        return measured

    def next(self) -> None:
        self.seconds.append(self._running)
        self._running = 0.0

    def __str__(self) -> str:
        return f"median {self.quantile(0.5) * 1000:.1f} ms, p99 {self.quantile(0.99) * 1000:.1f} ms"

    def quantile(self, share: float) -> float:
        """Return the value that this share of the orders does not exceed, in seconds."""
        return sorted(self.seconds)[min(int(len(self.seconds) * share), len(self.seconds) - 1)]


@contextmanager
def measured() -> Iterator[Added]:
    """Measure the receiver of ``order_placed`` and the middleware at the checkout."""
    added = Added()
    view = CheckoutMiddleware.process_view
    timed = added.timed(view)

    def process_view(self: CheckoutMiddleware, request: Any, *page: Any) -> Any:
        # Oscar reads the basket and who it is anyway, whoever asks first
        assert request.user.is_anonymous
        assert len(request.basket.all_lines()) == 1
        return timed(self, request, *page)

    CheckoutMiddleware.process_view = process_view
    order_placed.disconnect(dispatch_uid=PLACED)
    placed = added.timed(receivers.on_placed)
    order_placed.connect(placed, dispatch_uid=PLACED)
    try:
        yield added
    finally:
        CheckoutMiddleware.process_view = view
        order_placed.disconnect(dispatch_uid=PLACED)
        receivers.connect()
