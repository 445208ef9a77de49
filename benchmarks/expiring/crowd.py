"""Members whose points end now, made by SQL."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from loyalty.models import Account, Entry, Lot, LotMove, Programme
from retention.models import Customer, Fact

POINTS = 100

LEDGER = f"""
INSERT INTO {Entry._meta.db_table}
    (account_id, key, kind, bucket, points, balance_after, "order", currency, source, breakdown, at)
SELECT id, 'bench:' || id, 'grant', 'balance', {POINTS}, {POINTS}, '', '', 'bench', '{{}}', now() - interval '1 year'
FROM {Account._meta.db_table} ORDER BY id LIMIT %s
"""
LOTS = f"""
INSERT INTO {Lot._meta.db_table} (account_id, entry_id, "order", points, "left", expired, expires_at)
SELECT account_id, id, '', points, points, 0, now() - interval '1 second' FROM {Entry._meta.db_table}
"""


def members(count: int) -> None:
    """Make members with accounts, and a programme whose points end."""
    now = timezone.now()
    Programme.objects.create(name="Bench", active=True, expires="days", expires_after=365, expiry_since=now)
    Customer.objects.bulk_create(
        (Customer(kind="import", source="bench", number=str(n), created_at=now) for n in range(count)), batch_size=5000
    )
    Account.objects.bulk_create(
        (Account(customer_id=pk, created_at=now) for pk in Customer.objects.values_list("pk", flat=True)),
        batch_size=5000,
    )


def fill(count: int) -> None:
    """Let so many of them have points that end now, and nothing else be in the ledger."""
    tables = ", ".join(model._meta.db_table for model in (Entry, Lot, LotMove, Fact))
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute(f"UPDATE {Account._meta.db_table} SET balance = 0 WHERE balance <> 0")
        cursor.execute(LEDGER, [count])
        cursor.execute(LOTS)
        cursor.execute(
            f"UPDATE {Account._meta.db_table} SET balance = {POINTS} "
            f"WHERE id IN (SELECT account_id FROM {Lot._meta.db_table})"
        )
        for table in (Account, Entry, Lot):
            cursor.execute(f"VACUUM ANALYZE {table._meta.db_table}")
        cursor.execute("CHECKPOINT")


def wrong() -> str:
    """Return what is not as it should be after everything has ended; empty where all is well."""
    left = Account.objects.exclude(balance=0).count()
    ended = Entry.objects.filter(kind="expiry").count()
    return f"{left} balances are left, {ended} entries say that points ended" if left or not ended else ""
