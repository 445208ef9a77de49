"""The peer: a task published inside the request, as shops do it, and as a careful one does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

CAREFUL = {
    # without max_retries a first connection is tried again for seconds, whatever the publishing says
    "broker_transport_options": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3, "max_retries": 0},
    "task_publish_retry": False,
}


class GaveUp(BaseException):
    """The publisher had not come back when we stopped waiting. No Exception, so that nobody on the way tries again."""


class Publisher:
    """A shop's Celery app; ``options`` are settings beyond Celery's own."""

    def __init__(self, url: str, *, patience: float, **options: Any) -> None:
        self._url, self._options, self._patience = url, options, patience
        self._make()

    def _make(self) -> None:
        self._app = Celery("bench", broker=self._url, set_as_current=False)
        self._app.conf.update(task_ignore_result=True, **self._options)
        self._nudge = self._app.task(_nothing, name="bench.nothing", shared=False)

    def publish(self) -> None:
        """Publish one task. Raises what the publisher raises, GaveUp after ``patience`` seconds."""
        try:
            with _bounded(self._patience):
                self._nudge.delay()
        except GaveUp:
            self._make()  # the connection is in the middle of something
            raise


def _nothing() -> None:
    """Be published; nobody runs it."""


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    def end(*_signal: object) -> None:
        raise GaveUp

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
