"""Rows by the thousand: claiming them, so that two workers never win the same one, and writing them down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connection
from django.db.models import JSONField, Model, QuerySet

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


def write(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows, values in the order of these fields' names, as they are: without defaults, ids or signals.

    For tables of ours whose rows are many and plain. PostgreSQL takes them by COPY, four times as fast as an INSERT of
    model instances; elsewhere they are inserted in bulk. Raises IntegrityError, and has written nothing then.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and hasattr(cursor, "copy"):
            _copy(cursor, model, names, rows)
            return
    model._default_manager.bulk_create(model(**dict(zip(names, row, strict=True))) for row in rows)


def _copy(cursor: Any, model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    jsons = [index for index, field in enumerate(fields) if isinstance(field, JSONField)]
    with (
        connection.wrap_database_errors,
        cursor.copy(f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN") as into,
    ):
        for row in rows:
            values = list(row)
            for index in jsons:
                values[index] = json.dumps(values[index])
            into.write_row(values)
