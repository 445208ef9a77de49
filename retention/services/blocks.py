"""Counting tries before they are answered, and blocking who tries too often: longer each time."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.dateparse import parse_datetime

from retention.hashing import origin_hash
from retention.models import Block
from retention.rows import batch_size

QUIET = timedelta(days=1)
"""After so long without a block the next one is a first one again."""

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How many tries a window has, and how long the blocks after too many are: each twice as long as the last."""

    limit: int
    window: timedelta
    first: timedelta
    longest: timedelta

    def blocks(self) -> list[timedelta]:
        """Return how long the first, second, ... block in a row is; all after the last are as long as it."""
        lengths = [min(self.first, self.longest)]
        while timedelta(0) < lengths[-1] < self.longest:
            lengths.append(min(lengths[-1] * 2, self.longest))
        return lengths


# One statement decides everything, so that who tries at the same time waits for the row and sees what the other wrote.
COUNT = """
INSERT INTO {table} AS known (scope, who_hash, tries, window_ends_at, level)
VALUES {rows}
ON CONFLICT (scope, who_hash) DO UPDATE SET
    tries = CASE WHEN {over} THEN 1 WHEN {taken} THEN known.tries + 1 ELSE known.tries END,
    window_ends_at = CASE WHEN {over} THEN %(window)s WHEN {begins} THEN {until} ELSE known.window_ends_at END,
    blocked_until = CASE WHEN {begins} THEN {until} ELSE known.blocked_until END,
    level = CASE WHEN {begins} THEN {level} + 1 ELSE known.level END
RETURNING blocked_until
"""
FREE = "(known.blocked_until IS NULL OR known.blocked_until <= %(at)s)"
OVER = "(known.window_ends_at <= %(at)s)"
TAKEN = f"({FREE} AND known.tries < %(limit)s)"
BEGINS = f"({FREE} AND NOT {OVER} AND known.tries >= %(limit)s)"
LEVEL = "(CASE WHEN known.blocked_until > %(quiet)s THEN known.level ELSE 0 END)"


def count(*, scope: str, who: Collection[str], rule: Rule, at: datetime) -> datetime | None:
    """Count one try for each of ``who`` (a network address, a session); return until when any of them is blocked.

    None: the try is allowed. The first try beyond the limit begins a block; tries within it change nothing. When it
    ends, another window begins with the next try.
    """
    names = sorted({origin_hash(name) for name in who if name})  # one order for all, or two could wait for each other
    if not names:
        return None
    if rule.limit < 1:
        return at + rule.blocks()[0]
    lengths = rule.blocks()
    values: dict[str, Any] = {"scope": scope, "limit": rule.limit}
    moments = {"at": at, "quiet": at - QUIET, "window": at + rule.window}
    moments |= {f"until{level}": at + length for level, length in enumerate(lengths)}
    values |= {name: connection.ops.adapt_datetimefield_value(moment) for name, moment in moments.items()}
    values |= {f"who{number}": name for number, name in enumerate(names)}
    sql = COUNT.format(
        table=connection.ops.quote_name(Block._meta.db_table),
        rows=", ".join(f"(%(scope)s, %(who{number})s, 1, %(window)s, 0)" for number in range(len(names))),
        over=OVER, taken=TAKEN, begins=BEGINS, level=LEVEL, until=_until(len(lengths)),
    )  # fmt: skip
    # the savepoint is for a transaction of the shop's, which a failure of ours must not end
    with nullcontext() if transaction.get_autocommit() else transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        found = [_moment(row[0]) for row in cursor.fetchall()]
    return max((moment for moment in found if moment is not None and moment > at), default=None)


def _until(count: int) -> str:
    """Return the end of a block that begins now as SQL: the databases add times in different words, so we did."""
    cases = " ".join(f"WHEN {level} THEN %(until{level})s" for level in range(count - 1))
    return f"CASE {LEVEL} {cases} ELSE %(until{count - 1})s END" if cases else "%(until0)s"


def _moment(value: Any) -> datetime | None:
    """Return what the database says as a time; SQLite says a text without a zone."""
    moment = parse_datetime(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=connection.timezone) if moment and moment.tzinfo is None else moment


def prune(*, at: datetime) -> int:
    """Delete what ended a quiet day ago, since nobody can tell it from a first try. Returns how many."""
    ended = Block.objects.filter(window_ends_at__lte=at - QUIET)
    count = 0
    while rows := list(ended.values_list("pk", flat=True)[: batch_size(BATCH)]):
        count += ended.filter(pk__in=rows).delete()[0]
    return count
