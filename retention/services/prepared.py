"""Statements that PostgreSQL plans once and runs often: planning one that asks much takes longer than running it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

try:
    from psycopg import ClientCursor, generators
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus
except ImportError:  # SQLite, or psycopg 2
    ClientCursor = None  # type: ignore[assignment,misc]

log = logging.getLogger(__name__)

GONE = "26000"
"""There is no such prepared statement: a pooler has given us another session."""

Rows = list[tuple[int, ...]]

_state = {"usable": True}


class Statement(NamedTuple):
    """SQL with places for values, of which ``slots`` differ from mail to mail."""

    sql: str
    fixed: Sequence[Any]
    slots: Sequence[tuple[int, str]]
    """(place among the parameters, name of the value)."""

    def fill(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the parameters for these values."""
        given = list(self.fixed)
        for place, name in self.slots:
            given[place] = values[name]
        return given


def _execute(
    wrapper: BaseDatabaseWrapper, name: str, values: Sequence[Any], meanwhile: Callable[[], object] | None
) -> Rows:
    """Let PostgreSQL work, do something meanwhile, and fetch the rows: a commit mostly waits for the disk.

    The values go as they are, beside the statement: to write them into it takes as long as all else of a mail's turn.
    """
    link = wrapper.connection
    given = [_as_text(value) for value in values]
    with wrapper.wrap_database_errors:
        link.pgconn.send_query_prepared(name.encode(), given)
        link.pgconn.flush()
    try:
        if meanwhile:
            meanwhile()
    finally:
        with wrapper.wrap_database_errors:
            [result] = link.wait(generators.fetch_many(link.pgconn))
            if result.status != ExecStatus.TUPLES_OK:
                raise error_from_result(result, link.info.encoding)
    columns = range(result.nfields)
    return [tuple(int(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)]


def _as_text(value: Any) -> bytes | None:
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    if "\0" in text:
        raise ValueError("PostgreSQL has no text with a NUL in it")
    return text.encode()


class Prepared:
    """The prepared statements of one run. Where the database has none they are sent as they are."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, list[str]]] = {}
        self._wrapper = connections[DEFAULT_DB_ALIAS]  # to ask for it by `connection` takes a tenth of a statement
        self._link: Any = None
        """The session that knows the names."""

    def rows(
        self, statement: Statement, values: Mapping[str, Any], meanwhile: Callable[[], object] | None = None
    ) -> Rows:
        """Run a statement that returns rows of whole numbers; ``meanwhile`` is done while PostgreSQL works."""
        wrapper = self._wrapper
        if _state["usable"] and not wrapper.in_atomic_block and self._binds_here():  # a failure would end a transaction
            try:
                name, order = self._prepare(statement)
                return _execute(wrapper, name, [values[one] for one in order], meanwhile)
            except DatabaseError as error:
                if getattr(error.__cause__, "sqlstate", "") != GONE:
                    raise
                log.info("prepared statements do not stay in this session: each is planned anew from now on")
                _state["usable"] = False
        with wrapper.cursor() as cursor:
            cursor.execute(statement.sql, statement.fill(values))
            return list(cursor.fetchall())

    def close(self) -> None:
        """Let the session forget them."""
        names, self._names = self._names, {}
        if not (names and _state["usable"]) or self._wrapper.in_atomic_block:
            return
        try:
            with self._wrapper.cursor() as cursor:
                for name, _ in names.values():
                    cursor.execute(f"DEALLOCATE {name}")
        except DatabaseError as error:  # a session that is gone has forgotten them already
            log.info("prepared statements are not given back: %s", type(error).__name__)

    def _binds_here(self) -> bool:
        """Whether values are put into the statement on our side, which PREPARE and EXECUTE need: psycopg 2 does it its
        own way, and psycopg 3 leaves it to PostgreSQL where the settings say ``server_side_binding``."""
        if self._link is None or self._link is not self._wrapper.connection:
            with self._wrapper.cursor() as cursor:
                if ClientCursor is None or not isinstance(getattr(cursor, "cursor", None), ClientCursor):
                    return False
            self._link, self._names = self._wrapper.connection, {}
        return True

    def _prepare(self, statement: Statement) -> tuple[str, list[str]]:
        """Return the name of a prepared statement, and which values it wants in what order."""
        if statement.sql not in self._names:
            name, slots = f"retention_{uuid.uuid4().hex}", dict(statement.slots)
            order = sorted(set(slots.values()))
            pieces = statement.sql.split("%s")
            with self._wrapper.cursor() as cursor:
                sql = pieces[0]
                for place, piece in enumerate(pieces[1:]):
                    if place in slots:
                        sql += f"${order.index(slots[place]) + 1}"
                    else:
                        sql += cursor.mogrify("%s", [statement.fixed[place]])
                    sql += piece
                cursor.execute(f"PREPARE {name} AS {sql.replace('%%', '%')}")
            self._names[statement.sql] = name, order
        return self._names[statement.sql]
