"""Whom we may write to, asked before a coupon is made or a passage begins; delivery asks again before each send."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from retention.hashing import address_hash
from retention.models import Consent, Customer, Message, Suppression

SERVICE = Message.Purpose.SERVICE
MARKETING = Message.Purpose.MARKETING
SURVEY = Message.Purpose.SURVEY


def granted(customers: Collection[int], *, purpose: str) -> set[int]:
    """Return those of the customers who may be written to for ``purpose``. At most three queries.

    A no to marketing mail that was said later under another row of the same address counts as well.
    """
    people = list(Customer.objects.filter(pk__in=customers, erased_at=None).exclude(email=""))
    hashes = {person.pk: address_hash(person.email) for person in people}
    blocked = set(
        Suppression.objects.filter(
            address_hash__in=hashes.values(), scope__in=[Suppression.Scope.ALL, purpose]
        ).values_list("address_hash", flat=True)
    )
    if purpose == SERVICE:
        return {person.pk for person in people if hashes[person.pk] not in blocked or person.address_proven_at}
    free = [person for person in people if hashes[person.pk] not in blocked]
    if purpose != MARKETING:
        return {person.pk for person in free}
    yes: dict[int, datetime] = {}
    no: dict[str, datetime] = {}
    for answer in Consent.objects.filter(
        customer__address__in={person.address for person in free}, purpose=purpose, channel="email"
    ).select_related("customer"):
        if answer.granted:
            yes[answer.customer_id] = answer.changed_at
        else:
            no[answer.customer.address] = max(answer.changed_at, no.get(answer.customer.address, answer.changed_at))
    return {
        person.pk
        for person in free
        if person.pk in yes and (person.address not in no or no[person.address] < yes[person.pk])
    }
