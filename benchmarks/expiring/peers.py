"""The same by the ORM's own means, and by the database alone."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from loyalty.models import Account, Entry, Lot, LotMove

BATCH = 2000


def by_orm(*, most: int) -> None:
    """Read what is due, write entries and movements, set balances and lots: the usual loop, without locks or facts.

    It ends after ``most``: each of its rounds is like the one before, and all of them would take minutes.
    """
    now = timezone.now()
    for _ in range(most // BATCH):
        due = list(Lot.objects.filter(left__gt=0, expires_at__lte=now).select_related("account")[:BATCH])
        with transaction.atomic():
            made = Entry.objects.bulk_create(
                Entry(
                    account=lot.account, key=f"ended:{lot.pk}", kind="expiry", bucket="balance", points=-lot.left,
                    balance_after=lot.account.balance - lot.left, at=now,
                )
                for lot in due
            )  # fmt: skip
            LotMove.objects.bulk_create(
                LotMove(lot=lot, entry=entry, points=entry.points) for lot, entry in zip(due, made, strict=True)
            )
            ids = [lot.pk for lot in due]
            Account.objects.filter(lots__in=ids).update(balance=0)
            Lot.objects.filter(pk__in=ids).update(expired=F("left"), left=0)


def by_sql() -> None:
    """The limit: one statement, without locks, moves or facts."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH due AS (
                UPDATE {Lot._meta.db_table} SET expired = "left", "left" = 0 WHERE "left" > 0 AND expires_at <= now()
                RETURNING id, account_id, expired
            ), less AS (
                UPDATE {Account._meta.db_table} a SET balance = balance - due.expired FROM due
                WHERE a.id = due.account_id RETURNING a.id, a.balance
            )
            INSERT INTO {Entry._meta.db_table}
                (account_id, key, kind, bucket, points, balance_after, "order", currency, source, breakdown, at)
            SELECT due.account_id, 'ended:' || due.id, 'expiry', 'balance', -due.expired, less.balance, '', '', '',
                   '{{}}', now()
            FROM due JOIN less ON less.id = due.account_id
            """
        )
