"""Rows by the hundred thousand, made by SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Model


def insert(model: type[Model], given: dict[str, str], source: str, **values: Any) -> None:
    """Insert what a SELECT gives; other columns get what an empty row of the model has."""
    empty = model()
    rest = {
        field.column: field.get_db_prep_save(getattr(empty, field.attname), connection)
        for field in model._meta.concrete_fields
        if field.column not in given and not field.null and not field.primary_key
    }
    columns = ", ".join(f'"{name}"' for name in (*given, *rest))
    selected = ", ".join((*given.values(), *(f"%(rest_{name})s" for name in rest)))
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {selected} FROM {source}',
            {**values, **{f"rest_{name}": value for name, value in rest.items()}},
        )


@contextmanager
def unchecked() -> Iterator[Any]:
    """Yield a cursor for rows whose references are not looked up.

    Besides the time: autovacuum may look at a table while its rows are not committed, and find many pages with no row
    in them. PostgreSQL then looks up each reference to it by reading an index from end to end, for minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("RESET session_replication_role")
