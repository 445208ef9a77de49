"""What a mail provider tells about a mail: kept once, however often it is told, and acted upon."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.timezone import is_naive

from retention.conf import conf
from retention.hashing import normal
from retention.models import MailEvent, Message, Suppression
from retention.models.consent import Purpose
from retention.redaction import without_addresses
from retention.services import consent, heard, rates, suppression

Kind = MailEvent.Kind
State = Message.State
AHEAD = timedelta(days=1)
"""How far a provider's clock may be ahead of ours."""

STAMPS = {Kind.DELIVERED: "delivered_at", Kind.BOUNCED: "bounced_at", Kind.COMPLAINED: "complained_at"}

SUPPRESSES = {Kind.BOUNCED: Suppression.Reason.BOUNCED, Kind.COMPLAINED: Suppression.Reason.COMPLAINED}


class NotAnEvent(Exception):
    """It says neither what happened nor to which mail, so there is nothing to keep."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One thing that a provider says."""

    kind: str
    ids: Collection[str | int]
    """By which the mail may be known: its Message-ID, the provider's own id."""
    at: datetime | None = None
    """None, or nonsense: when we were told."""
    provider: str = ""
    event_id: str = ""
    detail: str = ""
    recipient: str = ""
    """Where it went; it may not be the customer's address any more. Not kept."""


def take(told: Told, *, at: datetime) -> bool:
    """Note an event and do what follows from it, in one transaction. False where it is known already.

    In whatever order events come the end is the same. An event of a mail that we do not know is kept, and nothing
    follows from it. Raises NotAnEvent.
    """
    ids = {one for given in told.ids if (one := _clean(given))}
    if told.kind not in Kind.values or not (ids or told.event_id):
        raise NotAnEvent("no such kind of event" if ids else "no id of a mail")
    happened = told.at if told.at and not is_naive(told.at) and told.at <= at + AHEAD else at
    with transaction.atomic():
        message = _find(ids)
        event, fresh = MailEvent.objects.get_or_create(
            key=_key(told, ids),
            defaults={
                "kind": told.kind,
                "message": message,
                "provider": _clean(told.provider)[:40],
                "detail": without_addresses(_clean(told.detail))[:300],
                "at": happened,
                "received_at": at,
            },
        )
        if fresh and message:
            _follow(message, event, recipient=_clean(told.recipient), at=at)
    return fresh


def _clean(text: object) -> str:
    return "".join(character for character in str(text) if character.isprintable()).strip()


def _key(told: Told, ids: set[str]) -> str:
    """Name the event: by its own id, else by what it says. The same kind twice of one mail is told by the time."""
    said = told.event_id or f"{sorted(ids)} {told.at.isoformat() if told.at else ''}"
    return hashlib.sha256(f"{told.provider} {told.kind} {said}".encode()).hexdigest()


def _find(ids: set[str]) -> Message | None:
    """Return the mail with one of these ids, in angle brackets or without."""
    bare = {one.strip("<>") for one in ids}
    headers = {f"<{one}>" for one in bare if len(one) < 199}
    if not headers:
        return None
    known = Message.objects.select_related("customer")
    # two look-ups, each by an index of its own
    return (
        known.filter(~Q(header_id=""), header_id__in=headers).order_by("pk").first()
        or known.filter(~Q(provider_id=""), provider_id__in=ids | bare | headers).order_by("-pk").first()
    )


def _follow(message: Message, event: MailEvent, *, recipient: str, at: datetime) -> None:
    rows = Message.objects.filter(pk=message.pk)
    # who is just writing down that the sender died or the line broke is waited for
    rows.select_for_update(no_key=True).values_list("pk").first()
    kind = Kind(event.kind)
    if kind in heard.LEFT:
        rows.filter(state=State.UNKNOWN).update(state=State.SENT, sent_at=F("changed_at"), reason="", changed_at=at)
        _call_off_another_try(rows, at=at)
    elif kind == Kind.REJECTED:
        rows.filter(state=State.UNKNOWN).update(state=State.FAILED, reason=heard.REFUSED, changed_at=at)
    if stamp := STAMPS.get(kind):
        rows.filter(**{f"{stamp}__isnull": True}).update(**{stamp: event.at})
    customer = message.customer
    address = _address(recipient, customer.email)
    if (why := SUPPRESSES.get(kind)) and address:
        suppression.add(address, scope=Suppression.Scope.ALL, reason=why, at=at)
    if kind == Kind.UNSUBSCRIBED:
        purpose = Purpose.SURVEY if message.purpose == Purpose.SURVEY else Purpose.MARKETING
        consent.unsubscribe(customer, purpose=purpose, source=f"provider:{event.provider}", at=at)


def _address(recipient: str, email: str) -> str:
    """Return where the mail went, as the customer writes it: providers name a domain as DNS knows it."""
    if "@" not in recipient:
        return email
    same = _mailbox(recipient) == _mailbox(email)
    return email if same else recipient


def _mailbox(address: str) -> tuple[str, str]:
    return normal(address).rpartition("@")[0], rates.domain_of(address)


def _call_off_another_try(rows: QuerySet[Message], *, at: datetime) -> None:
    """Leave a mail that is promised at least once and has left as it is, though its line broke."""
    again = rows.filter(state__in=[State.DUE, State.CLAIMED], at_least_once=True, tries__gt=0)
    again.update(
        state=State.SENT, sent_at=Coalesce("started_at", "changed_at"), reason="", error="", owner="", lease_until=None,
        changed_at=at,
    )  # fmt: skip


def prune(*, at: datetime) -> int:
    """Delete old events of mails that we do not know: those of other senders who share the provider's account."""
    return MailEvent.objects.filter(message=None, received_at__lt=at - timedelta(days=conf.KEEP_DAYS)).delete()[0]
