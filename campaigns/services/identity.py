"""Who is the same person for exit rules: everybody with the same address."""

from __future__ import annotations

from collections.abc import Collection

from retention.models import Customer


def rows(customers: Collection[int]) -> dict[int, frozenset[int]]:
    """Return for each of these customer ids the ids of all rows with its address, itself included. Two queries.

    Absorbed guests count too; somebody without an address is alone.
    """
    address = dict(Customer.objects.filter(pk__in=customers).values_list("pk", "address"))
    group: dict[str, set[int]] = {}
    for pk, where in Customer.objects.filter(address__in={a for a in address.values() if a}).values_list(
        "pk", "address"
    ):
        group.setdefault(where, set()).add(pk)
    return {pk: frozenset(group.get(address.get(pk, ""), set()) | {pk}) for pk in customers}


def living(customers: Collection[int]) -> dict[int, Customer]:
    """Return for each id the customer it stands for now: a guest's row that was absorbed stands for the member's.

    Who was erased is left out.
    """
    found = Customer.objects.filter(pk__in=customers).select_related("absorbed_into")
    return {row.pk: one for row in found if (one := row.absorbed_into or row).erased_at is None}
