"""What the ground has to know of Celery and its broker. Nothing else imports celery, but the tasks."""

from __future__ import annotations

from typing import Any

from celery import current_app

FALLBACK = "default"
"""Name of the app that Celery makes when the merchant has none."""


def find_app() -> Any | None:
    """Return the merchant's Celery app, None where there is only Celery's own fallback."""
    app: Any = current_app
    return None if app.main in (None, FALLBACK) else app


def is_reachable(*, timeout: float = 0.3) -> str:
    """Return an empty string when the broker answers within ``timeout`` seconds, else why not."""
    app = find_app()
    if app is None:
        return "there is no Celery app"
    options = {
        **(app.conf.broker_transport_options or {}),
        "socket_connect_timeout": timeout,
        "socket_timeout": timeout,
    }
    try:
        with app.connection_for_write(connect_timeout=timeout, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=timeout)
    except Exception as error:  # noqa: BLE001  (each transport has errors of its own)
        return type(error).__name__
    return ""
