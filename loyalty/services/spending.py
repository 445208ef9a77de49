"""Spending points, and giving them back as if they had not been spent."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from loyalty.models import Account, Entry, Lot, LotMove, Programme
from loyalty.services import points, programmes
from loyalty.services.points import Kind, Posting

TAKE = """
UPDATE {account} SET balance = balance - %s WHERE customer_id = %s AND balance - held >= %s AND left_at IS NULL
RETURNING id, balance
"""
"""Locks the account, and hits no row where the points are not there, are set aside, or belong to who is out."""

NOTE = """
INSERT INTO {entry} (account_id, key, kind, bucket, points, balance_after, "order", currency, source, breakdown, at)
SELECT %s, %s, 'spend', 'balance', %s, %s, '', '', %s, {json}, %s
WHERE NOT EXISTS (SELECT 1 FROM {lot} WHERE account_id = %s AND "left" > 0)
  AND NOT EXISTS (SELECT 1 FROM {programme} WHERE active AND expires = 'inactive')
RETURNING id
"""
"""A statement of its own: once the account is locked, it sees what others had written to it before."""


AT_ONCE = """
SELECT 1 FROM {account} WHERE customer_id = %s FOR UPDATE;
WITH taken AS (
    UPDATE {account} AS a SET balance = balance - %s WHERE customer_id = %s AND balance - held >= %s AND left_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM {lot} l WHERE l.account_id = a.id AND l."left" > 0)
      AND NOT EXISTS (SELECT 1 FROM {programme} WHERE active AND expires = 'inactive')
    RETURNING id, balance
)
INSERT INTO {entry} (account_id, key, kind, bucket, points, balance_after, "order", currency, source, breakdown, at)
SELECT id, %s, 'spend', 'balance', %s, balance, '', '', %s, {json}, %s FROM taken
RETURNING account_id, balance_after, id
"""
"""The same for PostgreSQL, sent as one message: outside a transaction it is one by itself. The lock comes in a
statement before, since what a statement sees of other tables is as old as its beginning."""


class _AsksMore(Exception):
    """Points that end, or live by being spent, must be moved as well."""


def spend(customer: int, *, amount: int, key: str, source: str, at: datetime, about: str = "") -> Entry | None:
    """Take points of a customer's balance, those that end soonest first. ``about``: what for, e.g. an order.

    Returns the entry, None where this key has been spent before. Raises ValueError for fewer than one point,
    NotEnough, KeyReused.
    """
    if amount < 1:
        raise ValueError(f"{amount} points cannot be spent.")
    breakdown = {"about": about} if about else {}
    if amount <= points.LARGEST:
        at_once = _spend_at_once(customer, amount, f"spend:{key}", source[:120], breakdown, at=at)
        if at_once is not None:
            return at_once
    until, renews = programmes.end_of(at)
    posting = Posting(
        key=f"spend:{key}",
        customer=customer,
        points=-amount,
        kind=Kind.SPEND,
        breakdown=breakdown,
        source=source[:120],
        renews_until=until if renews else None,
        members_only=True,
        at=at,
    )
    entries = points.post([posting], at=at)
    return entries[0] if entries else None


def _spend_at_once(
    customer: int, amount: int, key: str, source: str, breakdown: dict[str, Any], *, at: datetime
) -> Entry | None:
    """Spend points that nothing else hangs on, in two statements. None where it cannot be done like this, for whatever
    reason; nothing is changed then."""
    moment = connection.ops.adapt_datetimefield_value(at)
    words = json.dumps(breakdown)
    try:
        if _takes_several():
            with nullcontext() if connection.get_autocommit() else transaction.atomic():
                found = _in_one_message([customer, amount, customer, amount, key, -amount, source, words, moment])
            return None if found is None else _entry(found, amount, key, source, breakdown, at=at)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_named(TAKE), [amount, customer, amount])
            found = cursor.fetchone()
            if found is None:
                return None
            account, balance = found
            cursor.execute(_named(NOTE), [account, key, -amount, balance, source, words, moment, account])
            made = cursor.fetchone()
            if made is None:
                raise _AsksMore
    except (IntegrityError, _AsksMore):
        return None
    return _entry((account, balance, made[0]), amount, key, source, breakdown, at=at)


def _takes_several() -> bool:
    """Whether the database's driver sends several statements as one message."""
    if connection.vendor != "postgresql" or connection.settings_dict["OPTIONS"].get("server_side_binding"):
        return False
    with connection.cursor() as cursor:
        return hasattr(cursor, "nextset") and hasattr(cursor, "copy")  # psycopg 3


def _in_one_message(values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(_named(AT_ONCE), values)
        return cursor.fetchone() if cursor.nextset() else None


def _entry(
    found: tuple[int, int, int], amount: int, key: str, source: str, breakdown: dict[str, Any], *, at: datetime
) -> Entry:
    account, balance, pk = found
    entry = Entry(
        pk=pk, account_id=account, key=key, kind=Kind.SPEND, bucket=Entry.Bucket.BALANCE, points=-amount,
        balance_after=balance, breakdown=breakdown, source=source, at=at,
    )  # fmt: skip
    entry._state.adding, entry._state.db = False, connection.alias
    return entry


def _named(sql: str) -> str:
    quote = connection.ops.quote_name
    return sql.format(
        account=quote(Account._meta.db_table),
        entry=quote(Entry._meta.db_table),
        lot=quote(Lot._meta.db_table),
        programme=quote(Programme._meta.db_table),
        json="%s" if connection.vendor == "sqlite" else "CAST(%s AS jsonb)",
    )


def give_back(key: str, *, source: str, at: datetime) -> Entry | None:
    """Undo a spending, once: the points come back with their old end and do not count as earned.

    Returns the entry; None where nothing was spent under this key, or it came back before.
    """
    with transaction.atomic():
        spent = Entry.objects.filter(key=f"spend:{key}").select_related("account").first()
        if spent is None:
            return None
        taken = dict(LotMove.objects.filter(entry=spent).values_list("lot", "points"))
        posting = Posting(
            key=f"return:{key}",
            customer=spent.account.customer_id,
            points=-spent.points,
            kind=Kind.RETURN,
            breakdown=spent.breakdown,
            source=source[:120],
            gives_back={lot: -number for lot, number in taken.items()},
            joins=programmes.end_of(at)[1],
            at=at,
        )
        entries = points.post([posting], at=at)
    return entries[0] if entries else None
