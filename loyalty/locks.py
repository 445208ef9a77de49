"""Row locks of this app, in one place; each by primary key.

Order: customers, absences, claims, awards, ways to gifts and participations before presents, these before coupons and
tasks, these before accounts.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def hold(rows: QuerySet[M], *, no_key: bool = False) -> list[M]:
    """Return ``rows`` by primary key, locked until the transaction ends.

    PostgreSQL: row locks, always taken in the same order, so that two never wait for each other. SQLite: the
    IMMEDIATE transaction is the lock. ``no_key``: who only refers to the rows does not wait.
    """
    return list(rows.select_for_update(of=("self",), no_key=no_key).order_by("pk"))


def hold_keys(rows: QuerySet[M], *, most: int | None = None) -> list[int]:
    """Like ``hold``, and return the primary keys alone, the first ``most``: of many rows that need no more than their
    lock."""
    return list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)[:most])
