"""Several threads at once, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

PATIENCE = 180.0
"""Seconds that all of it may take."""


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run these at the same time; return what each returned, or the exception it raised."""
    results: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(index: int, work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()  # connecting is not what is raced
            start.wait(PATIENCE)
            results[index] = work()
        except Exception as error:  # noqa: BLE001  (the caller looks at it)
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not [thread for thread in threads if thread.is_alive()], "a thread hangs"
    return results


def all_well(results: list[Any]) -> list[Any]:
    """Return the results; raise the first exception among them."""
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
