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

    def fetch(batch: Sequence[str]) -> None:
        data.update(shop.get_orders(batch))

    def project(batch: Sequence[str]) -> None:
        outcome.changed += orders.project([data[reference] for reference in batch], at=at)
        consent.apply_checkout_choices(batch, at=at)

    _halving(list(references), fetch, outcome.failed)
    _halving(list(data), project, outcome.failed)
    outcome.found = [reference for reference in data if reference not in outcome.failed]
    outcome.missing = [ref for ref in references if ref not in data and ref not in outcome.failed]
    return outcome


def read_people(references: Sequence[str], *, at: datetime) -> Reading:
    """Take in these accounts of the shop, which it has just signalled, by the same rules as orders."""
    shop = get_shop()
    outcome = Reading()

    def take_in(batch: Sequence[str]) -> None:
        known = shop.get_customers(batch)
        outcome.changed += customers.take_in(known.values(), at=at, told=True)
        outcome.found.extend(known)

    _halving(list(references), take_in, outcome.failed)
    outcome.missing = [ref for ref in references if ref not in outcome.found and ref not in outcome.failed]
    return outcome


def take_in_people(people: Iterable[CustomerData], *, at: datetime) -> Reading:
    """Take in accounts that the shop has listed; one that fails does not hold up the others."""
    outcome = Reading()
    listed = {str(person.user_id): person for person in people}

    def take_in(batch: Sequence[str]) -> None:
        outcome.changed += customers.take_in([listed[reference] for reference in batch], at=at)

    _halving(list(listed), take_in, outcome.failed)
    outcome.found = [reference for reference in listed if reference not in outcome.failed]
    return outcome


def _halving(batch: Sequence[str], do: Callable[[Sequence[str]], None], failed: dict[str, str]) -> None:
    """Do a batch in a savepoint; on failure its halves; what fails alone goes into ``failed``."""
    if not batch:
        return
    try:
        with transaction.atomic():
            do(batch)
            if connection.vendor == "postgresql":
                connection.check_constraints()  # deferred ones too, or the failure comes at COMMIT
        return
    except Exception as error:
        if passes(error):
            raise
        if len(batch) == 1:
            log.exception("%s cannot be read", batch[0])
            failed[batch[0]] = without_addresses(traceback.format_exc())
            return
    middle = len(batch) // 2
    _halving(batch[:middle], do, failed)
    _halving(batch[middle:], do, failed)
