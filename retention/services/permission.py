"""Whether a mail may go: asked set-wise with a reason, and once more in the WHERE of the UPDATE that starts it.

Both say the same. Erasure is not a no for ever: it ends what was before it, and a new order or a new yes is a new
beginning; service mail to who has begun anew is not stopped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Exists, F, OuterRef, QuerySet

from retention import registry
from retention.conf import conf
from retention.hashing import address_hash
from retention.models import Consent, Message, Suppression
from retention.rows import Among
from retention.services import unsettled, wishes
from retention.services.wishes import Wishes

MARKETING = Message.Purpose.MARKETING
SERVICE = Message.Purpose.SERVICE
ALL = Suppression.Scope.ALL
ERASED = Suppression.Reason.ERASED
QUOTED = re.compile(r'\A"[^"\\\r\n]*"(?=@[^@]*\Z)')


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known about the people of a batch."""

    suppressed: set[tuple[str, str]]
    erased: dict[str, datetime]
    granted: dict[tuple[int, str], datetime]
    denied: set[tuple[int, str]]
    wishes: Wishes


def refusals(messages: Sequence[Message], *, at: datetime) -> dict[int, str]:
    """Return message id → why it must not go, as a word for staff; those that may go are left out."""
    hashes = {message.pk: address_hash(message.customer.email) for message in messages if message.customer.email}
    stops = Suppression.objects.filter(Among(F("address_hash"), hashes.values()))
    rows = list(stops.values_list("address_hash", "scope", "reason", "at"))
    answers = Consent.objects.filter(Among(F("customer"), {message.customer_id for message in messages}))
    said = list(answers.values_list("customer", "purpose", "granted", "changed_at"))
    known = _Known(
        suppressed={(hashed, scope) for hashed, scope, reason, _ in rows if reason != ERASED},
        erased={hashed: at for hashed, _, reason, at in rows if reason == ERASED},
        granted={(customer, purpose): at for customer, purpose, granted, at in said if granted},
        denied={(customer, purpose) for customer, purpose, granted, _ in said if not granted},
        wishes=_wishes(messages, at=at),
    )
    found = {message.pk: _refusal(message, hashes.get(message.pk, ""), known) for message in messages}
    return {pk: reason for pk, reason in found.items() if reason}


def _wishes(messages: Sequence[Message], *, at: datetime) -> Wishes:
    asked = {message.customer_id: message.customer for message in messages if message.purpose != SERVICE}
    topics = {message.topic for message in messages if message.purpose == MARKETING}
    return wishes.of(asked.values(), topics=topics, at=at) if asked else Wishes()


def _refusal(message: Message, hashed: str, known: _Known) -> str:
    customer = message.customer
    if not customer.email:
        return "no address"
    if not _is_one_address(customer.email):
        return "address not valid"
    if message.mail not in registry.mails:
        return "mail is not registered any more"
    if not registry.mails[message.mail].unproven and not customer.address_proven_at:
        return "address not proven"
    if (hashed, ALL) in known.suppressed and not (message.purpose == SERVICE and customer.address_proven_at):
        return "address suppressed"
    if message.purpose == SERVICE:
        return ""
    return _unwanted(message, hashed, known)


def _unwanted(message: Message, hashed: str, known: _Known) -> str:
    about = (message.customer_id, message.purpose)
    if (hashed, message.purpose) in known.suppressed:
        return "unsubscribed"
    erased = known.erased.get(hashed)
    if message.purpose == MARKETING:
        granted = known.granted.get(about)
        if granted is None or (erased and erased >= granted):
            return "no consent"
        if not conf.POSTAL_ADDRESS:
            return "no postal address in RETENTION"
        if (message.customer_id, message.topic) in known.wishes.left_out:
            return "topic not wanted"
    elif about in known.denied or (erased and erased >= message.customer.created_at):
        return "no consent"
    until = known.wishes.paused.get(message.customer_id)
    return f"paused until {until:%Y-%m-%d}" if until else ""


def _is_one_address(email: str) -> bool:
    """Whether it is one address and nothing else: a newline or a comma would make more of it."""
    try:
        # a space is allowed in quotes, which Django does not know
        validate_email(QUOTED.sub(lambda local: local[0].replace(" ", "_"), email))
    except ValidationError:
        return False
    return True


def still_allowed(rows: QuerySet[Message], message: Message, *, at: datetime) -> QuerySet[Message]:
    """Return ``rows``, those of this message, as far as suppression, consent and wishes allow it at this moment."""
    hashed = address_hash(message.customer.email)
    stops = Suppression.objects.filter(address_hash=hashed).exclude(reason=ERASED)
    erased = Suppression.objects.filter(address_hash=hashed, reason=ERASED)
    answers = Consent.objects.filter(customer=OuterRef("customer"), purpose=message.purpose)
    if message.purpose == SERVICE:
        return rows if message.customer.address_proven_at else rows.filter(~Exists(stops.filter(scope=ALL)))
    rows = wishes.still(rows.filter(~Exists(stops.filter(scope__in=[ALL, message.purpose]))), message, at=at)
    if message.purpose == MARKETING:
        since = answers.filter(~Exists(erased.filter(at__gte=OuterRef("changed_at"))), granted=True)
        return rows.filter(~unsettled.where(), Exists(since))
    before = erased.filter(at__gte=message.customer.created_at)
    return rows.filter(~Exists(answers.filter(granted=False)), ~Exists(before))
