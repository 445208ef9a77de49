"""Ending points whose time is up, set-wise; and the one whole period that points get when expiry is switched on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from loyalty.facts import PointsExpired
from loyalty.locks import hold, hold_keys
from loyalty.models import Account, Entry, Lot, LotMove, OrderAward, Programme
from loyalty.models.programme import Expires
from loyalty.services import ends, replay
from loyalty.services.points import Book, Posting
from retention.rows import batch_size
from retention.services import facts

ACCOUNTS_AT_ONCE = 5000


def expire(*, at: datetime, limit: int = 50_000) -> int:
    """End what is due. Returns of how many accounts. Where no active programme lets points end, none do."""
    if replay.under_way(at=at):  # its orders would find ended what they still could have spent
        return 0
    programme = Programme.objects.filter(active=True).first()
    if programme is None or programme.expires == Expires.NEVER:
        Programme.objects.filter(expiry_since__isnull=False).update(expiry_since=None)
        return 0
    if programme.expiry_since is None:
        switch_on(programme, at=at)
    done, last, most = 0, 0, batch_size(ACCOUNTS_AT_ONCE)
    while done < limit and (ended := _expire(at=at, after=last, limit=most)):
        done, last = done + len(ended), ended[-1]
    while done < limit and (beside := _expire_beside(at=at, limit=most)):
        done += beside
    return done


def switch_on(programme: Programme, *, at: datetime) -> bool:
    """Give what stands one whole period from now, once. False where that was done already.

    Points that would end earlier, by an expiry that was off meanwhile, get it too.
    """
    first = ends.of(programme.expires, programme.expires_after, opened=at)
    assert first is not None
    with transaction.atomic():
        fresh = Programme.objects.filter(pk=programme.pk, expiry_since=None)
        if not fresh.update(expiry_since=at):
            return False
        hold(Account.objects.filter(balance__gt=0).only("pk"))
        Lot.objects.filter(left__gt=0).update(expires_at=Greatest("expires_at", Value(first)), warned_at=None)
        in_lots = Lot.objects.filter(account=OuterRef("pk"), left__gt=0).order_by().values("account")
        total = in_lots.annotate(total=Sum("left")).values("total")
        free = Account.objects.filter(balance__gt=0).annotate(inside=Coalesce(Subquery(total), 0))
        endless = {pk: balance - inside for pk, balance, inside in free.values_list("pk", "balance", "inside")}
        Lot.objects.bulk_create(_lots(endless, ends_at=first), batch_size=2000)
    return True


def _lots(endless: dict[int, int], *, ends_at: datetime) -> Iterator[Lot]:
    """Yield lots for points without an end, account → points; those of an order know it, for when it is refunded."""
    opened = OrderAward.objects.filter(account__in=endless, balance__gt=F("forgiven")).order_by("-pk")
    for account, order, points in opened.values_list("account", "order", F("balance") - F("forgiven")):
        part = min(points, endless[account])
        if part > 0:
            endless[account] -= part
            yield Lot(account_id=account, order=order, points=part, left=part, expires_at=ends_at)
    for account, rest in endless.items():
        if rest > 0:
            yield Lot(account_id=account, points=rest, left=rest, expires_at=ends_at)


DUE = """
    SELECT l.id, l.account_id, l."left", l.expires_at, a.customer_id, 'expire:' || l.id || ':' || l.expired AS key,
           a.balance - SUM(l."left") OVER (PARTITION BY l.account_id ORDER BY l.expires_at, l.id) AS balance_after
    FROM {lot} l JOIN {account} a ON a.id = l.account_id
    WHERE l."left" > 0 AND l.expires_at <= %(at)s AND l.account_id {locked} AND a.id BETWEEN %(first)s AND %(last)s
"""
GONE = """
    SELECT account_id, customer_id, SUM("left") AS points FROM due GROUP BY account_id, customer_id
"""
ENTRIES = """
    INSERT INTO {entry} (account_id, key, kind, bucket, "order", currency, source, breakdown, at, points, balance_after)
    SELECT account_id, key, 'expiry', 'balance', '', '', '', '{{}}', expires_at, -"left", balance_after
    FROM due ORDER BY account_id, expires_at, id
"""
MOVES = """
    INSERT INTO {move} (lot_id, entry_id, points)
    SELECT due.id, entries.id, -due."left" FROM due JOIN entries ON entries.key = due.key
"""
BALANCES = """
    UPDATE {account} AS a SET balance = a.balance - gone.points FROM gone
    WHERE a.id = gone.account_id AND a.id BETWEEN %(first)s AND %(last)s
"""
LOTS = """
    UPDATE {lot} AS l SET expired = l.expired + l."left", "left" = 0 FROM due
    WHERE l.id = due.id AND l."left" > 0 AND l.account_id BETWEEN %(first)s AND %(last)s
"""
SUMS = "SELECT customer_id, points FROM gone ORDER BY customer_id"
"""What is due, and what is made of it; each is said once, for both ways below.

The accounts are sorted, and where the first and the last stand in the conditions, a database looks at these alone
and not at the whole table for each few thousand.
"""

TOGETHER = f"""
WITH due AS ({DUE}), gone AS ({GONE}), entries AS ({ENTRIES} RETURNING id, key),
     moves AS ({MOVES}), balances AS ({BALANCES}), lots AS ({LOTS})
{SUMS}
"""
"""All of it in one statement, where a database can write in the middle of one: a third of the time."""

APART = [
    f"WITH due AS ({DUE}), gone AS ({GONE}), entries AS (SELECT id, key FROM {{entry}}) {statement}"
    for statement in (SUMS, ENTRIES, MOVES, BALANCES, LOTS)
]
"""One after the other: what is due is read from the lots until the last empties them."""


def _expire(*, at: datetime, after: int, limit: int) -> list[int]:
    """End what is due of the next accounts by id, those that have nothing set aside. Returns their ids, sorted."""
    with transaction.atomic():
        due = Lot.objects.filter(left__gt=0, expires_at__lte=at, account__gt=after).values("account")
        # whoever writes these accounts' ledger waits; what they have left is read after that
        locked: list[int] = hold_keys(Account.objects.filter(pk__in=due, pk__gt=after, held=0), most=limit)
        if locked:
            sums = _end(locked, at=at)
            facts.publish(PointsExpired(customer=customer, at=at, points=points) for customer, points in sums)
    return locked


def _end(accounts: list[int], *, at: datetime) -> list[tuple[int, int]]:
    """End what is due of these accounts, which are sorted and locked. Returns customer and points of each."""
    given: dict[str, Any] = {"at": connection.ops.adapt_datetimefield_value(at), "accounts": accounts}
    given |= {"first": accounts[0], "last": accounts[-1]}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_named(TOGETHER, locked="= ANY(%(accounts)s)"), given)
            sums = cursor.fetchall()
        else:
            given["accounts"] = json.dumps(accounts)
            first, *others = (_named(sql, locked="IN (SELECT value FROM json_each(%(accounts)s))") for sql in APART)
            cursor.execute(first, given)
            sums = cursor.fetchall()
            for sql in others:
                cursor.execute(sql, given)
    return [(customer, int(points)) for customer, points in sums]


def _expire_beside(*, at: datetime, limit: int) -> int:
    """End what is due of accounts that have points set aside: what is set aside are those that end first, and they stay
    until the claim is over."""
    with transaction.atomic():
        due = Lot.objects.filter(left__gt=0, expires_at__lte=at, account__held__gt=0).order_by()
        sums = due.values("account__customer").annotate(points=Sum("left")).filter(points__gt=F("account__held"))
        wanted = list(sums.order_by("account__customer").values_list("account__customer", flat=True)[:limit])
        if not wanted:
            return 0
        book = Book(wanted, at=at)
        mine = list(due.filter(account__customer__in=wanted).select_related("account").order_by("expires_at", "pk"))
        happened = []
        for customer in wanted:
            lots = [lot for lot in mine if lot.account.customer_id == customer]
            points = sum(lot.left for lot in lots) - book.account(customer).held
            if points <= 0:
                continue
            # the first lot is emptied first, so that its next key is another
            key = f"expire:{lots[0].pk}:{lots[0].expired}"
            book.write(Posting(key=key, customer=customer, points=-points, kind=Entry.Kind.EXPIRY, at=at))
            happened.append(PointsExpired(customer=customer, at=at, points=points))
        book.close()
        facts.publish(happened)
    return len(happened)


def _named(sql: str, **more: str) -> str:
    quote = connection.ops.quote_name
    tables: dict[str, Any] = {"entry": Entry, "account": Account, "lot": Lot, "move": LotMove}
    return sql.format(**{name: quote(model._meta.db_table) for name, model in tables.items()}, **more)
