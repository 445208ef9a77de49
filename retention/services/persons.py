"""One person's data: taking it out, forgetting it, and making two rows one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from retention import registry
from retention.facts import OrderChangedHands
from retention.models import (
    ConsentEvidence,
    Customer,
    IdempotentRequest,
    Message,
    Order,
    Token,
)
from retention.services import consent, consent_imports, facts, suppression


def export_person(customer: Customer) -> dict[str, Any]:
    """Return all that each app holds about a customer, by app."""
    return {person.name: person.export(customer) for person in registry.people}


def erase_person(customer: Customer, *, at: datetime) -> None:
    """Forget a person in every app: personal strings go, ledgers and figures stay."""
    with transaction.atomic():
        for person in reversed(list(registry.people)):
            person.erase(customer, at)


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what the ground holds about a customer."""
    return {
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "language": customer.language,
        "country": customer.country,
        "first_seen": customer.created_at.isoformat(),
        "orders": list(customer.orders.order_by("placed_at").values("number", "placed_at", "currency", "total_minor")),
        "consent": list(customer.consent_evidence.order_by("at").values("purpose", "granted", "basis", "text", "at")),
        "messages": list(customer.messages.order_by("pk").values("mail", "state", "sent_at")),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Empty the personal strings of the ground's rows, those of absorbed guests too, and suppress the addresses."""
    rows = Customer.objects.filter(Q(pk=customer.pk) | Q(absorbed_into=customer.pk))
    for email in rows.exclude(email="").values_list("email", flat=True):
        suppression.erase(email, at=at)
        consent_imports.forget(email, at=at)
    messages = Message.objects.filter(customer=customer)
    messages.waiting().update(state=Message.State.CANCELLED, reason="erased", changed_at=at)
    messages.exclude(error="").update(error="")  # mail servers repeat the address in their answers
    Token.objects.filter(customer=customer).delete()
    if customer.user_id is not None:
        IdempotentRequest.objects.filter(user=customer.user_id).delete()
    Order.objects.filter(customer=customer).update(email="", postcode="")
    rows.filter(erased_at=None).update(
        email="", address="", address_hash="", address_proven_at=None, first_name="", last_name="", zone="", country="",
        number="", erased_at=at,
    )  # fmt: skip


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
