"""Claiming rows: an UPDATE that two workers never win for the same row."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)

SQLITE_BATCH = 100
"""Rows a transaction may write on SQLite, so that a web request waits milliseconds for the lock and not seconds."""


def batch_size(wanted: int) -> int:
    """Return how many rows one transaction should claim on this database."""
    return min(wanted, SQLITE_BATCH) if connection.vendor == "sqlite" else wanted


def lock(rows: QuerySet[M], *, limit: int) -> list[Any]:
    """Return up to ``limit`` primary keys, locked on PostgreSQL, skipping those that another worker holds.

    Call inside a transaction and UPDATE with the same conditions again.
    """
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return list(rows.values_list("pk", flat=True)[: batch_size(limit)])
