"""Reading orders from the shop and projecting them; one that fails does not hold up the others."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from retention.locks import passes
from retention.redaction import without_addresses
from retention.services import consent, customers, orders
from retention.shop import CustomerData, OrderData, get_shop

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Reading:
    """What came of reading some orders."""

    found: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """The shop has no such order."""
    failed: dict[str, str] = field(default_factory=dict)
    """Reference → traceback."""
    changed: int = 0


def read(references: Sequence[str], *, at: datetime) -> Reading:
    """Read these orders from the shop and bring the projection to what it says. Call it under the drain's lock.

    Where the adapter or the projection raises, the batch is halved until the order that fails alone is found.
    Raises what passes by itself (a lost connection, a deadlock): the whole round is tried again.
    """
    shop = get_shop()
    outcome = Reading()
    data: dict[str, OrderData] = {}

    def fetch(batch: Sequence[str]) -> int:
        data.update(shop.get_orders(batch))
        return 0

    def project(batch: Sequence[str]) -> int:
        changed = orders.project([data[reference] for reference in batch], at=at)
        consent.apply_checkout_choices(batch, at=at)
        return changed

    _halving(list(references), fetch, outcome.failed)
    outcome.changed = _halving(list(data), project, outcome.failed)
    outcome.found = [reference for reference in data if reference not in outcome.failed]
    outcome.missing = [ref for ref in references if ref not in data and ref not in outcome.failed]
    return outcome


def read_people(references: Sequence[str], *, at: datetime) -> Reading:
    """Take in these accounts of the shop, which it has just signalled, by the same rules as orders."""
    shop = get_shop()
    outcome = Reading()

    known: dict[str, CustomerData] = {}

    def take_in(batch: Sequence[str]) -> int:
        found = shop.get_customers(batch)
        known.update(found)
        return customers.take_in(found.values(), at=at, told=True)

    outcome.changed = _halving(list(references), take_in, outcome.failed)
    outcome.found = [reference for reference in known if reference not in outcome.failed]
    outcome.missing = [ref for ref in references if ref not in known and ref not in outcome.failed]
    return outcome


def take_in_people(people: Iterable[CustomerData], *, at: datetime) -> Reading:
    """Take in accounts that the shop has listed; one that fails does not hold up the others."""
    outcome = Reading()
    listed = {str(person.user_id): person for person in people}

    def take_in(batch: Sequence[str]) -> int:
        return customers.take_in([listed[reference] for reference in batch], at=at)

    outcome.changed = _halving(list(listed), take_in, outcome.failed)
    outcome.found = [reference for reference in listed if reference not in outcome.failed]
    return outcome


def _halving(batch: Sequence[str], do: Callable[[Sequence[str]], int], failed: dict[str, str]) -> int:
    """Do a batch in a savepoint; on failure its halves; what fails alone goes into ``failed``.

    Returns the sum of what those returned that were not rolled back.
    """
    if not batch:
        return 0
    try:
        with transaction.atomic():
            done = do(batch)
            if connection.vendor == "postgresql":
                connection.check_constraints()  # deferred ones too, or the failure comes at COMMIT
        return done
    except Exception as error:
        if passes(error):
            raise
        if len(batch) == 1:
            log.exception("%s cannot be read", batch[0])
            failed[batch[0]] = without_addresses(traceback.format_exc())
            return 0
    middle = len(batch) // 2
    return _halving(batch[:middle], do, failed) + _halving(batch[middle:], do, failed)
