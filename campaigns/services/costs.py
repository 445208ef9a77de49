"""What goods cost the shop: filled from a file that was looked at first, set-wise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns.cost_file import Key, Note, Reading
from campaigns.models import ProductCost
from retention.rows import batch_size
from retention.shop import Capability, get_shop

T = TypeVar("T")

ASKED = 1_000
"""Products a question to the shop, or a query."""
WRITTEN = 5_000
"""Rows a transaction, where the database can take them."""
SHOWN = 20
"""Notes that a preview shows."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a file would do."""

    lines: int
    fresh: int
    """Costs that were not known before."""
    changed: int
    same: int
    left_out: int
    """Lines that cannot be taken."""
    notes: tuple[Note, ...]
    """Of the first of these."""
    unknown: int
    """Costs of products that the shop does not have now; they are taken all the same."""
    strange: tuple[Note, ...]
    """The first of these."""


def look(reading: Reading) -> Preview:
    """Compare a file with what is known. The number of queries grows with thousands of lines, not with lines."""
    known = _known(reading.costs)
    changed = sum(1 for key, cost in reading.costs.items() if key in known and known[key] != cost)
    unknown = _unknown(reading)
    strange = [
        Note(line=reading.named[key], words=_("the shop has no product “%(product)s”") % {"product": key[0][:40]})
        for key in reading.costs
        if key[0] in unknown
    ]
    return Preview(
        lines=reading.lines,
        fresh=len(reading.costs.keys() - known.keys()),
        changed=changed,
        same=len(known) - changed,
        left_out=len(reading.notes),
        notes=tuple(reading.notes[:SHOWN]),
        unknown=len(strange),
        strange=tuple(strange[:SHOWN]),
    )


def put(costs: Mapping[Key, int], *, at: datetime) -> int:
    """Take these costs (minor units) over the ones that are known. Idempotent. Returns how many are new or changed."""
    written = 0
    for part in _parts(sorted(costs), batch_size(WRITTEN)):
        with transaction.atomic():
            known = _known({key: costs[key] for key in part})
            changed = [key for key in part if known.get(key) != costs[key]]
            ProductCost.objects.bulk_create(
                [
                    ProductCost(product=product, currency=currency, cost_minor=costs[product, currency], changed_at=at)
                    for product, currency in changed
                ],
                update_conflicts=True,
                unique_fields=["product", "currency"],
                update_fields=["cost_minor", "changed_at"],
            )
        written += len(changed)
    return written


def _known(costs: Mapping[Key, int]) -> dict[Key, int]:
    """Return those of these that are known, with what is."""
    found = {}
    for part in _parts(sorted({product for product, _currency in costs}), ASKED):
        rows = ProductCost.objects.filter(product__in=part).values_list("product", "currency", "cost_minor")
        found.update({(product, currency): cost for product, currency, cost in rows if (product, currency) in costs})
    return found


def _unknown(reading: Reading) -> set[str]:
    """Return the products that the shop does not have; none where it has no catalogue to ask."""
    shop = get_shop()
    if Capability.CATALOGUE not in shop.capabilities:
        return set()
    named = sorted({product for product, _currency in reading.costs})
    return {product for part in _parts(named, ASKED) for product in set(part) - shop.get_products(part).keys()}


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in parts that fit into one query of this database."""
    most = connection.features.max_query_params
    size = min(size, most - 10) if most else size
    for start in range(0, len(values), size):
        yield values[start : start + size]
