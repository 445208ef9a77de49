"""Rebuilding every balance from the entries, and saying where the cache differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from loyalty.models import Account, Claim, Entry, Lot, LotMove, OrderAward, Reward
from loyalty.services import tallies


class LedgerDiffers(Exception):
    """A cached balance is not the sum of its entries: somebody wrote past ``loyalty.services.points``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One place where the cache and the entries disagree."""

    what: str
    """``account``, ``award``, ``lot``, ``claim``, ``reward``, ``entry`` or ``limit``."""
    id: int
    column: str
    cached: int
    rebuilt: int

    def __str__(self) -> str:
        return f"{self.what} {self.id}: {self.column} is {self.cached}, its entries say {self.rebuilt}"


ACCOUNTS = """
SELECT a.id, a.balance, a.pending, a.owed, COALESCE(e.balance, 0), COALESCE(e.pending, 0)
FROM {account} a LEFT JOIN (
    SELECT account_id, SUM(CASE WHEN bucket = 'balance' THEN points ELSE 0 END) AS balance,
           SUM(CASE WHEN bucket = 'pending' THEN points ELSE 0 END) AS pending
    FROM {entry} GROUP BY account_id
) e ON e.account_id = a.id
WHERE a.balance <> COALESCE(e.balance, 0) OR a.pending <> COALESCE(e.pending, 0)
   OR a.owed <> CASE WHEN COALESCE(e.balance, 0) < 0 THEN -COALESCE(e.balance, 0) ELSE 0 END
ORDER BY a.id
"""

AWARDS = """
SELECT w.id, w.balance, w.pending, COALESCE(e.balance, 0), COALESCE(e.pending, 0)
FROM {award} w LEFT JOIN (
    SELECT "order", account_id, SUM(CASE WHEN bucket = 'balance' THEN points ELSE 0 END) AS balance,
           SUM(CASE WHEN bucket = 'pending' THEN points ELSE 0 END) AS pending
    FROM {entry} WHERE "order" <> '' GROUP BY "order", account_id
) e ON e."order" = w."order" AND e.account_id = w.account_id
WHERE w.balance <> COALESCE(e.balance, 0) OR w.pending <> COALESCE(e.pending, 0)
ORDER BY w.id
"""

LOTS = """
SELECT l.id, l."left", l.expired, l.points + COALESCE(m.moved, 0), COALESCE(m.ended, 0)
FROM {lot} l LEFT JOIN (
    SELECT m.lot_id, SUM(m.points) AS moved, -SUM(CASE WHEN e.kind = 'expiry' THEN m.points ELSE 0 END) AS ended
    FROM {move} m JOIN {entry} e ON e.id = m.entry_id GROUP BY m.lot_id
) m ON m.lot_id = l.id
WHERE l."left" <> l.points + COALESCE(m.moved, 0) OR l.expired <> COALESCE(m.ended, 0)
ORDER BY l.id
"""

COVERED = """
SELECT a.id, a.balance, l.inside
FROM {account} a JOIN (SELECT account_id, SUM("left") AS inside FROM {lot} GROUP BY account_id) l ON l.account_id = a.id
WHERE l.inside > CASE WHEN a.balance > 0 THEN a.balance ELSE 0 END
ORDER BY a.id
"""

HELD = """
SELECT a.id, a.held, a.uncovered, COALESCE(c.held, 0), a.balance
FROM {account} a LEFT JOIN (
    SELECT account_id, SUM(points) AS held FROM {claim} WHERE state = 'reserved' GROUP BY account_id
) c ON c.account_id = a.id
WHERE a.held <> COALESCE(c.held, 0)
   OR a.uncovered <> CASE WHEN a.held > 0 AND a.held > a.balance THEN a.held - a.balance ELSE 0 END
ORDER BY a.id
"""

CLAIMS = """
SELECT c.id, c.spent, COALESCE(e.spent, 0)
FROM {claim} c LEFT JOIN (
    SELECT {claim_of_key} AS claim_id, -SUM(points) AS spent FROM {entry} WHERE key LIKE 'claim:%' GROUP BY 1
) e ON e.claim_id = c.id
WHERE c.spent <> COALESCE(e.spent, 0)
ORDER BY c.id
"""
"""The key of a claim's entry is ``claim:7:0``."""

REWARDS = """
SELECT r.id, r.taken, COALESCE(c.counted, 0)
FROM {reward} r LEFT JOIN (
    SELECT reward_id, COUNT(*) AS counted FROM {claim} WHERE counted GROUP BY reward_id
) c ON c.reward_id = r.id
WHERE r.taken <> COALESCE(c.counted, 0)
ORDER BY r.id
"""

ENTRIES = """
SELECT id, balance_after, running FROM (
    SELECT id, balance_after,
           SUM(CASE WHEN bucket = 'balance' THEN points ELSE 0 END)
               OVER (PARTITION BY account_id ORDER BY id) AS running
    FROM {entry}
) AS told
WHERE balance_after <> running
ORDER BY id
"""


def differences() -> Iterator[Difference]:
    """Yield every difference between cached sums and entries or claims; reads the whole ledger. Eight queries, and
    four more where there are limits."""
    for pk, balance, pending, owed, true_balance, true_pending in _rows(ACCOUNTS):
        for column, cached, rebuilt in (
            ("balance", balance, true_balance),
            ("pending", pending, true_pending),
            ("owed", owed, max(0, -true_balance)),
        ):
            if cached != rebuilt:
                yield Difference(what="account", id=pk, column=column, cached=cached, rebuilt=int(rebuilt))
    for pk, balance, pending, true_balance, true_pending in _rows(AWARDS):
        for column, cached, rebuilt in (("balance", balance, true_balance), ("pending", pending, true_pending)):
            if cached != rebuilt:
                yield Difference(what="award", id=pk, column=column, cached=cached, rebuilt=int(rebuilt))
    for pk, left, expired, true_left, true_expired in _rows(LOTS):
        for column, cached, rebuilt in (("left", left, true_left), ("expired", expired, true_expired)):
            if cached != rebuilt:
                yield Difference(what="lot", id=pk, column=column, cached=cached, rebuilt=int(rebuilt))
    for pk, balance, inside in _rows(COVERED):
        yield Difference(what="account", id=pk, column="points in its lots", cached=int(inside), rebuilt=balance)
    for pk, held, uncovered, true_held, balance in _rows(HELD):
        true_uncovered = max(0, held - balance) if held else 0
        for column, cached, rebuilt in (("held", held, true_held), ("uncovered", uncovered, true_uncovered)):
            if cached != rebuilt:
                yield Difference(what="account", id=pk, column=column, cached=cached, rebuilt=int(rebuilt))
    for pk, spent, true_spent in _rows(CLAIMS):
        yield Difference(what="claim", id=pk, column="spent", cached=spent, rebuilt=int(true_spent))
    for pk, taken, counted in _rows(REWARDS):
        yield Difference(what="reward", id=pk, column="taken", cached=taken, rebuilt=int(counted))
    for pk, told, running in _rows(ENTRIES):
        yield Difference(what="entry", id=pk, column="balance_after", cached=told, rebuilt=int(running))
    for tally, there in tallies.beyond():
        yield Difference(what="limit", id=tally.pk, column="used", cached=tally.used, rebuilt=there)


def verify() -> int:
    """Check the whole ledger. Returns how many accounts were checked; raises LedgerDiffers."""
    found = list(differences())
    if found:
        shown = "; ".join(str(difference) for difference in found[:20])
        raise LedgerDiffers(f"{len(found)} differences: {shown}")
    return Account.objects.count()


def _rows(sql: str) -> list[Any]:
    quote = connection.ops.quote_name
    names = {
        "account": quote(Account._meta.db_table),
        "award": quote(OrderAward._meta.db_table),
        "claim": quote(Claim._meta.db_table),
        "claim_of_key": "CAST(SUBSTR(key, 7) AS integer)"
        if connection.vendor == "sqlite"
        else "CAST(SPLIT_PART(key, ':', 2) AS bigint)",
        "entry": quote(Entry._meta.db_table),
        "lot": quote(Lot._meta.db_table),
        "move": quote(LotMove._meta.db_table),
        "reward": quote(Reward._meta.db_table),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.format(**names))
        return list(cursor.fetchall())
