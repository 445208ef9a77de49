"""Whose the balances of an earlier programme are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Protocol

from django.db.models import QuerySet

from retention.models import Customer
from retention.services.customers import LISTED

UNKNOWN, UNPROVEN, SEVERAL = "unknown", "unproven", "several"
"""Why somebody has to wait: nobody has this number or address; whoever has the address has not shown that the mailbox
is theirs; more than one customer has it."""


class Named(Protocol):
    """What a file calls somebody."""

    @property
    def address(self) -> str: ...
    @property
    def number(self) -> str: ...


Name = tuple[str, str]
"""Number and address."""


def find(named: Collection[Named], *, trusts_accounts: bool) -> dict[Name, int | str]:
    """Return number and address → the customer's id, or why they have to wait. Two queries.

    A number is that of a customer from a log, and goes before the address. An address is a member's who has proven it;
    ``trusts_accounts``: or has only said so. Guests hold no points.
    """
    numbers = _by_number({one.number for one in named if one.number})
    addresses = _by_address({one.address for one in named if one.address})
    found: dict[Name, int | str] = {}
    for one in named:
        whose = _only(numbers.get(one.number, ()))
        if whose == UNKNOWN and one.address:
            members = addresses.get(one.address, {})
            able = [pk for pk, proven in members.items() if proven] or (list(members) if trusts_accounts else [])
            whose = _only(able) if able or not members else UNPROVEN
        found[one.number, one.address] = whose
    return found


def imported() -> QuerySet[Customer]:
    """Return the customers who are known by a number."""
    rows = Customer.objects.filter(kind=Customer.Kind.IMPORT, erased_at=None)
    return rows.exclude(number="").exclude(source=LISTED)


def _only(customers: Collection[int]) -> int | str:
    if len(customers) > 1:
        return SEVERAL
    return next(iter(customers), UNKNOWN)


def _by_number(numbers: Collection[str]) -> Mapping[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    rows = imported().filter(number__in=numbers)
    for number, member, pk in rows.values_list("number", "absorbed_into", "pk"):
        found[number].add(member or pk)
    return found


def _by_address(addresses: Collection[str]) -> Mapping[str, dict[int, bool]]:
    found: dict[str, dict[int, bool]] = defaultdict(dict)
    rows = Customer.objects.living().members().filter(address__in=addresses, erased_at=None)
    for address, pk, proven in rows.values_list("address", "pk", "address_proven_at"):
        found[address][pk] = proven is not None
    return found
