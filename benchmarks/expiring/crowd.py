"""Members whose points end now, made by SQL once, and put back before each turn."""

from __future__ import annotations

from django.utils import timezone

from benchmarks import seeding
from loyalty.models import Account, Entry, Lot, LotMove, Programme
from retention.models import Customer, Fact

POINTS = 100
TABLES = [model._meta.db_table for model in (Account, Entry, Lot)]
"""What ending points changes."""


def make(count: int) -> None:
    """Make members with points that end now, and a programme whose points end; keep how they are."""
    now = timezone.now()
    Programme.objects.create(name="Bench", active=True, expires="days", expires_after=365, expiry_since=now)
    day, numbers = f"'{now.isoformat()}'::timestamptz", f"generate_series(1, {count}) n"
    customers = {"id": "n", "kind": "'import'", "source": "'bench'", "number": "n::text", "created_at": day}
    accounts = {"id": "n", "customer_id": "n", "balance": f"{POINTS}", "created_at": day}
    entries = {
        "account_id": "n", "key": "'bench:' || n", "kind": "'grant'", "bucket": "'balance'", "points": f"{POINTS}",
        "balance_after": f"{POINTS}", "source": "'bench'", "at": f"{day} - interval '1 year'",
    }  # fmt: skip
    lots = {"account_id": "account_id", "entry_id": "id", "points": "points", "left": "points", "expires_at": day}
    with seeding.unchecked() as cursor:
        seeding.insert(Customer, customers, numbers)
        seeding.insert(Account, accounts, numbers)
        seeding.insert(Entry, entries, numbers)
        seeding.insert(Lot, lots, f"{Entry._meta.db_table} e")
        for table in TABLES:
            cursor.execute(f"CREATE TABLE made_{table} AS TABLE {table}")
        cursor.execute(f"VACUUM ANALYZE {Customer._meta.db_table}")


def put_back() -> None:
    """Let all be as it was made, in new files: no dead rows, the same statistics, nothing left to write to the disk."""
    emptied = ", ".join([*TABLES, LotMove._meta.db_table, Fact._meta.db_table])
    with seeding.unchecked() as cursor:
        cursor.execute(f"TRUNCATE {emptied} CASCADE")
        for table in TABLES:
            cursor.execute(f"INSERT INTO {table} SELECT * FROM made_{table}")
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("CHECKPOINT")


def wrong(*, count: int) -> str:
    """Return what is not as it should be after the points of so many have ended; empty where all is well."""
    ended = Entry.objects.filter(kind="expiry").count()
    none = Account.objects.filter(balance=0).count()
    return "" if ended == none == count else f"{count} were to end: {ended} entries say so, and {none} have none left"
