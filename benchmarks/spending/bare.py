"""The least that the database must do: one conditional UPDATE, and nobody knows what for."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

TAKE = "UPDATE retention_loyalty_account SET balance = balance - 1 WHERE customer_id = %s AND balance >= 1"


def start(*, first: bool) -> Callable[[int], bool]:
    """Return what takes one point of a member."""
    cursor = connection.cursor()

    def spend(customer: int) -> bool:
        cursor.execute(TAKE, [customer])
        return bool(cursor.rowcount)

    return spend
