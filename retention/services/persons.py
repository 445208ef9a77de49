"""One person's data: taking it out, forgetting it, and making two rows one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from retention import registry
from retention.facts import OrderChangedHands
from retention.models import ConsentEvidence, Customer, Message, Order, Token
from retention.services import consent, facts
from retention.shop import get_shop_or_none


def export_person(customer: Customer) -> dict[str, Any]:
    """Return all that each app holds about a customer, by app."""
    return {person.name: person.export(customer) for person in registry.people}


def erase_person(customer: Customer, *, at: datetime) -> None:
    """Forget a person in every app: personal strings go, ledgers and figures stay."""
    with transaction.atomic():
        for person in reversed(list(registry.people)):
            person.erase(customer, at)


def rows_of(customer: Customer) -> list[Customer]:
    """Return the rows that have this one's address, itself first: whoever is forgotten is forgotten in all of them.

    A guest's that was absorbed is the member's, whose mailbox was proven.
    """
    customer = customer.absorbed_into or customer
    same = Customer.objects.at_address(customer.email) if customer.email else Customer.objects.none()
    return [customer, *same.exclude(pk=customer.pk).order_by("pk")]


def places(customer: Customer) -> list[str]:
    """Return where the shop itself keeps what is personal of these rows, a sentence each. Ask before erasing."""
    shop = get_shop_or_none()
    if shop is None:
        return []
    return list(shop.personal_places(email=customer.email, user_id=customer.user_id))


def forget(customer: Customer, *, at: datetime) -> Sequence[str]:
    """Forget a person in every row that has their address. Returns where the shop itself still keeps them."""
    with transaction.atomic():
        rows = rows_of(customer)
        kept = {place: None for row in rows for place in places(row)}
        for row in rows:
            erase_person(row, at=at)
    return list(kept)


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Move a guest's orders, mails and consent to the member whose mailbox is proven."""
    moved = list(Order.objects.filter(customer=guest).values_list("reference", "history"))
    Order.objects.filter(customer=guest).update(customer=member)
    facts.publish(
        OrderChangedHands(customer=member.pk, at=at, order=reference, old_customer=guest.pk, history=history)
        for reference, history in moved
    )
    Message.objects.filter(customer=guest).update(customer=member)
    ConsentEvidence.objects.filter(customer=guest).update(customer=member)
    consent.join(guest, into=member)
    Token.objects.filter(customer=guest).update(customer=member)
