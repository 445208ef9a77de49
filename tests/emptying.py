"""Emptying the database after a test that commits.

Django empties all tables and lets every app fill in its first rows again, which is most of the time of a short test.
Here only what the test has filled is emptied. Where the first rows themselves have changed, Django does its whole work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error, connection, transaction
from django.test import TransactionTestCase

Rows = list[tuple[Any, ...]]


@contextmanager
def quick() -> Iterator[None]:
    """Within the block tests that commit leave the rows that are there now, and no others."""
    whole = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    first = _first_rows()

    def teardown(case: TransactionTestCase) -> None:
        nonlocal first
        if case.available_apps is None and not case.serialized_rollback and _emptied(first):
            return
        whole(case)
        first = _first_rows()  # the same, under other numbers

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
    try:
        yield
    finally:
        TransactionTestCase._fixture_teardown = whole  # type: ignore[attr-defined]


def _emptied(first: dict[str, Rows]) -> bool:
    """Delete all rows but the first ones; returns whether that was possible."""
    quote = connection.ops.quote_name
    try:
        if any(_rows(table) != rows for table, rows in first.items()):
            return False
        # In one transaction the order of the tables does not matter: foreign keys are asked at its end.
        with transaction.atomic(), connection.cursor() as cursor:
            for table in _filled() - first.keys():
                cursor.execute(f"DELETE FROM {quote(table)}")
    except Error:
        return False
    return True


def _first_rows() -> dict[str, Rows]:
    return {table: _rows(table) for table in _filled()}


def _filled() -> set[str]:
    """Which of the apps' tables have a row."""
    quote = connection.ops.quote_name
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return {table for (table,) in cursor.fetchall()}


def _rows(table: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return sorted(cursor.fetchall(), key=repr)
