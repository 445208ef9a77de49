"""One at a time, and which database errors pass by themselves."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import BooleanField, Func, Value
from django.db.models.expressions import Expression

LOCK_SPACE = 0x52E7
"""First key of our advisory locks, so that they do not meet the host's."""


@contextmanager
def one_at_a_time(name: str, *, wait: bool = False) -> Iterator[bool]:
    """Open a transaction and yield whether nobody else holds ``name``; the lock ends with the transaction.

    ``wait``: wait for the other to end instead, and yield True. PostgreSQL: a transaction-level advisory
    lock. SQLite: the IMMEDIATE transaction is the lock.
    """
    with transaction.atomic():
        if connection.vendor != "postgresql":
            yield True
            return
        with connection.cursor() as cursor:
            take = "pg_advisory_xact_lock(%s, %s) IS NOT NULL" if wait else "pg_try_advisory_xact_lock(%s, %s)"
            cursor.execute(f"SELECT {take}", [LOCK_SPACE, _key(name)])
            held: bool = cursor.fetchone()[0]
        yield held


def _key(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31


def on_the_way(name: str) -> Expression:
    """Return a column that waits for ``name`` while it is read, for who reads rows anyway; call inside a transaction.

    What is read with it is as it was before the wait: whoever writes by it asks again in the UPDATE.
    """
    if connection.vendor != "postgresql":
        return Value(True)
    template = f"(pg_advisory_xact_lock({LOCK_SPACE}, {_key(name)}) IS NOT NULL)"
    return Func(template=template, output_field=BooleanField())


PASSING_STATES = ("08", "40", "53", "55P03", "57P")
"""SQLSTATE classes of lost connections, deadlocks and serialization, lack of resources, lock timeout, shutdown."""


def passes(error: BaseException) -> bool:
    """Whether the same work may well succeed when tried again: a lost connection, a deadlock, a locked file."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state is None and connection.vendor == "postgresql":
        return True  # no answer from the server at all
    if state is not None:
        return bool(state.startswith(PASSING_STATES))
    return getattr(cause, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
