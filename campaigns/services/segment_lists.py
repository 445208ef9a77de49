"""Lists of people: filled from a file that was looked at first, set-wise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection
from django.utils.translation import gettext as _

from campaigns.address_file import Note, Reading
from campaigns.models import Segment, SegmentMember
from retention.models import Customer
from retention.rows import batch_size

T = TypeVar("T")

LOOKED_UP = 5_000
"""Addresses a query."""

WRITTEN = 5_000
"""Rows a transaction, where the database can take them."""

SHOWN = 20
"""Notes that a preview shows."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a file would do. It holds no address: what is confirmed are customers' numbers."""

    lines: int
    found: tuple[int, ...]
    """Customers, in order."""
    before: int
    """Of these, on the list already."""
    twice: int
    nobody: int
    """Lines that name nobody the shop knows."""
    wrong: int
    """Lines that are neither address nor number."""
    notes: tuple[Note, ...]
    """Of the first lines that are nobody or wrong."""
    leaving: int
    """On the list and not in the file."""


def look(segment: Segment, reading: Reading) -> Preview:
    """Find whom a file means. The number of queries grows with thousands of lines, not with lines."""
    known = _numbered(reading.wanted) if reading.numbers else _addressed(reading.wanted)
    there = set(SegmentMember.objects.filter(segment=segment).values_list("customer", flat=True))
    found = tuple(sorted(set(known.values())))
    nobody = [line for value, line in reading.wanted.items() if value not in known]
    words = _("nobody has this number") if reading.numbers else _("nobody that the shop knows has this address")
    notes = [*reading.notes, *(Note(line=line, words=words) for line in nobody[:SHOWN])]
    return Preview(
        lines=reading.lines,
        found=found,
        before=len(there.intersection(found)),
        twice=reading.twice + len(known) - len(found),
        nobody=len(nobody),
        wrong=len(reading.notes),
        notes=tuple(sorted(notes, key=lambda note: note.line)[:SHOWN]),
        leaving=len(there.difference(found)),
    )


def _addressed(addresses: Collection[str]) -> dict[str, int]:
    """Return address → customer, a member rather than a guest: on a list one row stands for all of its address."""
    known: dict[str, tuple[bool, int]] = {}
    for part in _parts(list(addresses), LOOKED_UP):
        rows = Customer.objects.living().filter(address__in=part, erased_at=None)
        for pk, address, user in rows.values_list("pk", "address", "user"):
            known[address] = min(known.get(address, (True, pk)), (user is None, pk))
    return {address: pk for address, (_guest, pk) in known.items()}


def _numbered(numbers: Collection[str]) -> dict[str, int]:
    """Return number → customer; a guest's that was absorbed stands for the member's."""
    known: dict[str, int] = {}
    for part in _parts([int(number) for number in numbers], LOOKED_UP):
        for pk, member in Customer.objects.filter(pk__in=part, erased_at=None).values_list("pk", "absorbed_into"):
            known[str(pk)] = member or pk
    return known


def put(segment: Segment, customers: Collection[int], *, at: datetime, only: bool = False) -> None:
    """Put these customers on a list; with ``only``, take everybody else off. Idempotent."""
    for part in _parts(sorted(customers), batch_size(WRITTEN)):
        SegmentMember.objects.bulk_create(
            [SegmentMember(segment=segment, customer_id=pk, added_at=at) for pk in part], ignore_conflicts=True
        )
    if only:
        there = set(SegmentMember.objects.filter(segment=segment).values_list("customer", flat=True))
        _take_off(segment, there.difference(customers))


def take_off(segment: Segment, customers: Collection[int]) -> None:
    """Take these people off a list, with whatever row of their address put them there."""
    rows = Customer.objects.filter(pk__in=customers)
    addresses = {address for address in rows.values_list("address", flat=True) if address}
    same = SegmentMember.objects.filter(segment=segment, customer__address__in=addresses)
    _take_off(segment, {*customers, *same.values_list("customer", flat=True)})


def _take_off(segment: Segment, customers: Collection[int]) -> None:
    for part in _parts(sorted(customers), batch_size(WRITTEN)):
        SegmentMember.objects.filter(segment=segment, customer__in=part).delete()


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in parts that fit into one query of this database."""
    most = connection.features.max_query_params
    size = min(size, most - 10) if most else size
    for start in range(0, len(values), size):
        yield values[start : start + size]
