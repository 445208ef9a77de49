"""Rows by the thousand: claiming them, so that two workers never win the same one, and writing them down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from django.db import connection
from django.db.models import JSONField, Lookup, Model, QuerySet
from django.db.models.lookups import In

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


class Among(Lookup):
    """``IN`` for hundreds of values: ``rows.filter(Among(F("customer"), ids))``.

    On PostgreSQL they are one parameter, not one each, which Django and psycopg would take longer to write than
    PostgreSQL to look up.
    """

    prepare_rhs = False

    def __init__(self, lhs: Any, values: Iterable[Any]) -> None:
        super().__init__(lhs, list(values))

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if connection.vendor != "postgresql":
            return compiler.compile(In(self.lhs, self.rhs))
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s)", [*params, self.rhs]


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


def create(made: Sequence[Model]) -> None:
    """Insert instances of one model and give them their ids, as they are: without signals or what fields do on saving.

    By COPY, like ``write``. Raises IntegrityError, and has written nothing then: call it in a transaction of its own.
    """
    if not made:
        return
    model = type(made[0])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and hasattr(cursor, "copy"):
            key, fields = model._meta.pk, model._meta.concrete_fields
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [table, key.column, len(made)],
            )
            for row, (pk,) in zip(made, cursor.fetchall(), strict=True):
                row.pk = pk
                row._state.adding, row._state.db = False, connection.alias
            values = map(attrgetter(*(field.attname for field in fields)), made)
            _copy(cursor, model, [field.name for field in fields], values)
            return
    model._default_manager.bulk_create(made)


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
            if jsons:
                row = list(row)
                for index in jsons:
                    row[index] = json.dumps(row[index])
            into.write_row(row)
