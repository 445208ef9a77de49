"""Who may be written to for what: granting, withdrawing, and the evidence of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from retention.facts import ConsentGiven, ConsentWithdrawn, FactData
from retention.models import CheckoutChoice, Consent, ConsentEvidence, Customer, Order, Suppression
from retention.models.consent import Basis, Purpose
from retention.services import facts, suppression


def grant(
    customer: Customer,
    *,
    purpose: str,
    basis: str,
    source: str,
    at: datetime,
    text: str = "",
    text_version: str = "",
    origin: str = "",
) -> None:
    """Note that the customer may be written to. An opt-in by a proven mailbox lifts an earlier unsubscribe.

    ``text`` is what was shown, ``origin`` the hash of the network address.
    """
    with transaction.atomic():
        shown = {"text": text, "text_version": text_version, "source": source, "origin_hash": origin}
        _write(customer, purpose=purpose, granted=True, basis=basis, shown=shown, at=at)
        if basis == Basis.DOUBLE_OPT_IN and customer.email:
            suppression.lift(customer.email, scope=purpose, reason=Suppression.Reason.UNSUBSCRIBED)
        facts.publish([ConsentGiven(customer=customer.pk, at=at, purpose=purpose, basis=basis, source=source)])


def withdraw(
    customer: Customer,
    *,
    purpose: str,
    source: str,
    at: datetime,
    text: str = "",
    text_version: str = "",
    origin: str = "",
) -> None:
    """Note that the customer is not to be written to for a purpose, whoever else has the address."""
    with transaction.atomic():
        shown = {"text": text, "text_version": text_version, "source": source, "origin_hash": origin}
        _write(customer, purpose=purpose, granted=False, basis="", shown=shown, at=at)
        facts.publish([ConsentWithdrawn(customer=customer.pk, at=at, purpose=purpose, source=source)])


def _write(
    customer: Customer, *, purpose: str, granted: bool, basis: str, shown: Mapping[str, str], at: datetime
) -> None:
    """Write the present answer and the evidence of it; ``shown`` are the evidence's own columns."""
    Consent.objects.update_or_create(
        customer=customer,
        purpose=purpose,
        channel="email",
        defaults={"granted": granted, "basis": basis, "changed_at": at},
    )
    ConsentEvidence.objects.create(customer=customer, purpose=purpose, granted=granted, basis=basis, at=at, **shown)


def unsubscribe(
    customer: Customer, *, purpose: str, source: str, at: datetime, origin: str = "", mailbox: bool = True
) -> bool:
    """Stop mail of a purpose to the customer's address, at once and for every row that has it. Idempotent.

    Without ``mailbox`` the row alone is stopped: it does not speak for its address. Returns False where it was stopped
    already.
    """
    with transaction.atomic():
        if mailbox:
            fresh = bool(customer.email) and suppression.add(
                customer.email, scope=purpose, reason=Suppression.Reason.UNSUBSCRIBED, at=at
            )
        else:
            no = Consent.objects.filter(customer=customer, purpose=purpose, granted=False)
            fresh = customer.erased_at is None and not no.exists()
        if fresh or Consent.objects.filter(customer=customer, purpose=purpose, granted=True).exists():
            withdraw(customer, purpose=purpose, source=source, at=at, origin=origin)
    return fresh


def resubscribe(customer: Customer, *, purpose: str, source: str, at: datetime) -> None:
    """Undo an unsubscribe that this mailbox made."""
    with transaction.atomic():
        lifted = bool(customer.email) and suppression.lift(
            customer.email, scope=purpose, reason=Suppression.Reason.UNSUBSCRIBED
        )
        if lifted:
            grant(customer, purpose=purpose, basis=Basis.OPT_IN, source=source, at=at)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person's present answer for a purpose says."""

    granted: bool
    basis: str
    changed_at: datetime


def restore(customer: Customer, *, purpose: str, answer: Answer | None, source: str, at: datetime) -> None:
    """Put back the answer that stood before a change that was undone; None: they had not been asked.

    The evidence grows by what the undo amounts to. Who was never asked gets surveys, and no marketing mail.
    """
    with transaction.atomic():
        granted, basis = (answer.granted, answer.basis) if answer else (purpose == Purpose.SURVEY, "")
        shown = {"text": "", "text_version": "", "source": source, "origin_hash": ""}
        _write(customer, purpose=purpose, granted=granted, basis=basis, shown=shown, at=at)
        rows = Consent.objects.filter(customer=customer, purpose=purpose, channel="email")
        if answer:
            rows.update(changed_at=answer.changed_at)
        else:
            rows.delete()
        facts.publish(
            [ConsentGiven(customer=customer.pk, at=at, purpose=purpose, basis=basis, source=source)]
            if granted
            else [ConsentWithdrawn(customer=customer.pk, at=at, purpose=purpose, source=source)]
        )


WEAK = (Basis.SOFT_OPT_IN, Basis.IMPORT)
"""A yes of these never outweighs a no."""


def join(guest: Customer, *, into: Customer) -> None:
    """Make one answer of two: the later one, but a no stands against a yes that nobody gave in so many words."""
    answers = {answer.purpose: answer for answer in Consent.objects.filter(customer=into)}
    for answer in Consent.objects.filter(customer=guest):
        own = answers.get(answer.purpose)
        if own is None:
            Consent.objects.filter(pk=answer.pk).update(customer=into)
        elif _outweighs(answer, own):
            Consent.objects.filter(pk=own.pk).update(
                granted=answer.granted, basis=answer.basis, changed_at=answer.changed_at
            )


def _outweighs(one: Consent, other: Consent) -> bool:
    if one.granted and other.granted:
        return other.basis in WEAK and one.basis not in WEAK
    if one.granted != other.granted and (one.basis in WEAK or other.basis in WEAK):
        return not one.granted
    return one.changed_at > other.changed_at


def apply_checkout_choices(references: Collection[str], *, at: datetime) -> None:
    """Turn what was chosen while these orders were placed into consent, once each, set-wise.

    Not ticked is a soft opt-in for similar goods, unless the customer has said no before; ticked is a no.
    """
    choices = {choice.order: choice for choice in CheckoutChoice.objects.filter(order__in=references, applied_at=None)}
    if not choices:
        return
    owners = {
        order.reference: order.customer
        for order in Order.objects.filter(reference__in=choices).select_related("customer")
    }
    answered = set(
        Consent.objects.filter(
            Q(granted=False) | Q(basis__in=[Basis.OPT_IN, Basis.DOUBLE_OPT_IN]),
            customer__in=[owner.pk for owner in owners.values()],
            purpose=Purpose.MARKETING,
        ).values_list("customer", flat=True)
    )
    consents: dict[int, Consent] = {}
    evidence: list[ConsentEvidence] = []
    happened: list[FactData] = []
    for reference, choice in sorted(choices.items(), key=lambda item: item[1].at):
        owner = owners.get(reference)
        if owner is None:
            continue
        source = f"checkout:{reference}"
        basis = "" if choice.opted_out else Basis.SOFT_OPT_IN
        evidence.append(
            ConsentEvidence(
                customer=owner,
                purpose=Purpose.MARKETING,
                granted=not choice.opted_out,
                basis=basis,
                text=choice.text,
                text_version=choice.text_version,
                source=source,
                origin_hash=choice.origin_hash,
                at=choice.at,
            )
        )
        if choice.opted_out or owner.pk not in answered:
            consents[owner.pk] = Consent(
                customer=owner,
                purpose=Purpose.MARKETING,
                granted=not choice.opted_out,
                basis=basis,
                changed_at=choice.at,
            )
            happened.append(
                ConsentWithdrawn(customer=owner.pk, at=choice.at, purpose=Purpose.MARKETING, source=source)
                if choice.opted_out
                else ConsentGiven(
                    customer=owner.pk, at=choice.at, purpose=Purpose.MARKETING, basis=basis, source=source
                )
            )
            if choice.opted_out:
                answered.add(owner.pk)
    Consent.objects.bulk_create(
        consents.values(),
        update_conflicts=True,
        unique_fields=["customer", "purpose", "channel"],
        update_fields=["granted", "basis", "changed_at"],
    )
    ConsentEvidence.objects.bulk_create(evidence)
    facts.publish(happened)
    CheckoutChoice.objects.filter(order__in=owners, applied_at=None).update(applied_at=at)
