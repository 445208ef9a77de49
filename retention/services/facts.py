"""Publishing facts, numbering the committed ones, and giving each to its subscribers exactly once."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Min

from retention import registry, rows
from retention.conf import conf
from retention.facts import KINDS, FactData
from retention.locks import one_at_a_time, passes
from retention.models import Fact, Installation, ParkedFact, Subscription
from retention.redaction import without_addresses
from retention.registry import Recorded, Subscriber
from retention.services import installation

log = logging.getLogger(__name__)

FIELDS = ("kind", "payload", "customer", "happened_at")
MANY = 100
"""From so many on they are written in the fastest way."""
NUMBER_AT_ONCE = 5000
BATCH = 500


def publish(facts: Iterable[FactData]) -> None:
    """Insert facts, in the caller's transaction, without a lock and without a position."""
    many = list(facts)
    if len(many) < MANY:
        Fact.objects.bulk_create(Fact(**dict(zip(FIELDS, _row(fact), strict=True))) for fact in many)
    else:
        rows.write(Fact, FIELDS, map(_row, many))


def _row(fact: FactData) -> tuple[Any, ...]:
    return fact.kind, fact.payload(), fact.customer, fact.at


NUMBER_SQL = """
UPDATE {table} SET position = todo.n + %s
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n
      FROM (SELECT id FROM {table} WHERE position IS NULL ORDER BY id LIMIT %s) AS waiting) AS todo
WHERE {table}.id = todo.id
"""


def number() -> int:
    """Give the next positions to facts that are committed and have none. Returns how many.

    Ids are taken at INSERT and become visible at COMMIT, so a reader that goes by id loses late commits;
    positions are given afterwards, by one at a time.
    """
    installation.get()
    with one_at_a_time("retention.number") as mine:
        if not mine:
            return 0
        last = Installation.objects.values_list("last_position", flat=True).get(pk=1)
        with connection.cursor() as cursor:
            cursor.execute(
                NUMBER_SQL.format(table=connection.ops.quote_name(Fact._meta.db_table)), [last, NUMBER_AT_ONCE]
            )
            count: int = cursor.rowcount
        if count:
            Installation.objects.filter(pk=1).update(last_position=F("last_position") + count)
    return count


def dispatch(*, at: datetime) -> int:
    """Give every subscriber the facts it has not had. Returns how many were taken.

    Who has had them all costs no query of its own: most rounds of most shops have nothing for most subscribers.
    """
    last = Fact.objects.aggregate(last=Max("position"))["last"] or 0
    stands = dict(Subscription.objects.values_list("name", "position"))
    behind = [subscriber for subscriber in registry.subscribers if stands.get(subscriber.name, -1) < last]
    return sum(catch_up(subscriber, at=at) for subscriber in behind)


def catch_up(subscriber: Subscriber, *, at: datetime, batch: int = BATCH) -> int:
    """Give one subscriber, batch by batch, what it has not had. Returns how many facts it took.

    Each batch and the advance of the position are one transaction. A batch that fails is halved until
    the fact that fails alone is found and parked; a lost connection or a deadlock ends the round and parks nothing.
    """
    Subscription.objects.get_or_create(name=subscriber.name)
    taken = 0
    while True:
        old = Subscription.objects.values_list("position", flat=True).get(name=subscriber.name)
        rows = list(Fact.objects.filter(position__gt=old).order_by("position")[:batch])
        if not rows:
            return taken
        done = _take(subscriber, rows, old=old, at=at)
        taken += done
        if done < len(rows):
            return taken  # somebody else moves this subscriber
        if len(rows) < batch:
            return taken  # what was numbered meanwhile is for the next round


class _Overtaken(Exception):
    """Another worker has moved the position: what this one did is rolled back."""


def _take(subscriber: Subscriber, rows: Sequence[Fact], *, old: int, at: datetime) -> int:
    """Take these rows; returns how many were taken, fewer when overtaken."""
    new = rows[-1].position
    assert new is not None
    wanted = [row for row in rows if _wants(subscriber, row)]
    try:
        with transaction.atomic():
            row = Subscription.objects.filter(name=subscriber.name)
            # wait for nobody: who holds the row is doing this very batch
            if connection.vendor == "postgresql" and not row.select_for_update(skip_locked=True):
                return 0
            _move(subscriber, old=old, new=new, at=at)
            if wanted:
                subscriber.handle([_recorded(row) for row in wanted])
                if connection.vendor == "postgresql":
                    connection.check_constraints()
        return len(rows)
    except _Overtaken:
        return 0
    except Exception as error:  # noqa: BLE001  (parked, with its traceback)
        if passes(error):
            log.warning("%s: %s; the batch is tried again", subscriber.name, type(error).__name__)
            return 0
        if len(wanted) <= 1:
            return _park(subscriber, rows, wanted, old=old, at=at)
    middle = max(1, len(rows) // 2)
    first = _take(subscriber, rows[:middle], old=old, at=at)
    if first < middle:
        return first
    between = rows[middle - 1].position
    assert between is not None
    return first + _take(subscriber, rows[middle:], old=between, at=at)


def _park(subscriber: Subscriber, rows: Sequence[Fact], wanted: Sequence[Fact], *, old: int, at: datetime) -> int:
    new = rows[-1].position
    assert new is not None
    trace = without_addresses(traceback.format_exc())
    log.error("%s cannot take fact %s; it is parked", subscriber.name, [row.pk for row in wanted], exc_info=True)
    try:
        with transaction.atomic():
            _move(subscriber, old=old, new=new, at=at)
            for row in wanted:
                ParkedFact.objects.get_or_create(
                    subscriber=subscriber.name, fact=row, defaults={"traceback": trace, "parked_at": at}
                )
    except _Overtaken:
        return 0
    return len(rows)


def _move(subscriber: Subscriber, *, old: int, new: int, at: datetime) -> None:
    moved = Subscription.objects.filter(name=subscriber.name, position=old).update(position=new, moved_at=at)
    if moved != 1:
        raise _Overtaken


def _wants(subscriber: Subscriber, row: Fact) -> bool:
    kind = KINDS.get(row.kind)
    return kind is not None and kind in subscriber.facts


def _recorded(row: Fact) -> Recorded:
    assert row.position is not None
    data = KINDS[row.kind].restore(payload=row.payload, customer=row.customer, at=row.happened_at)
    return Recorded(id=row.pk, position=row.position, data=data)


def retry(parked: ParkedFact, *, at: datetime) -> bool:
    """Give a parked fact to its subscriber again. Returns whether it was taken; else the new traceback is kept."""
    subscriber = registry.subscribers.get(parked.subscriber)
    try:
        if subscriber is None:
            raise LookupError(f"No subscriber is named {parked.subscriber!r} any more.")
        with transaction.atomic():
            won = ParkedFact.objects.filter(pk=parked.pk, resolved_at=None).update(resolved_at=at)
            if not won:
                return True
            subscriber.handle([_recorded(parked.fact)])
            connection.check_constraints()
    except Exception:
        log.warning("fact %s is still not taken by %s", parked.fact_id, parked.subscriber, exc_info=True)
        trace = without_addresses(traceback.format_exc())
        ParkedFact.objects.filter(pk=parked.pk).update(tries=F("tries") + 1, traceback=trace)
        return False
    return True


def prune(*, at: datetime) -> int:
    """Delete facts older than ``KEEP_DAYS`` that every subscriber is past and nobody has parked. Returns how many.

    One that was parked goes when it was taken that long ago.
    """
    names = registry.subscribers.names()
    passed = Subscription.objects.filter(name__in=names).aggregate(low=Min("position"))["low"]
    if passed is None or Subscription.objects.filter(name__in=names).count() < len(names):
        return 0
    limit = at - timedelta(days=conf.KEEP_DAYS)
    ParkedFact.objects.filter(resolved_at__lt=limit).delete()
    return Fact.objects.filter(position__lte=passed, happened_at__lt=limit, parked=None).delete()[0]
