"""Row locks of this app, in one place; each by primary key.

Order: claims, awards, ways to gifts and participations before presents, these before coupons and tasks, these before
accounts.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def hold(rows: QuerySet[M]) -> list[M]:
    """Return ``rows`` by primary key, locked until the transaction ends.

    PostgreSQL: row locks, always taken in the same order, so that two never wait for each other. SQLite: the
    IMMEDIATE transaction is the lock.
    """
    return list(rows.select_for_update(of=("self",)).order_by("pk"))
