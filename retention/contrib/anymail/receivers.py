"""Anymail's signals: our name goes out with each mail, and comes back with what the provider tells about it."""

from __future__ import annotations

import logging
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, pre_send, tracking
from django.utils import timezone

from retention.contrib.anymail import bounces
from retention.models import MailEvent
from retention.services import events
from retention.services.events import NotAnEvent, Told

log = logging.getLogger(__name__)

Kind = MailEvent.Kind
NAME = "retention_id"
"""Key of the metadata by which the provider gives our Message-ID back, whatever it made of the header."""

WITHOUT_METADATA = ("MailerSend", "Postal")
"""Providers for which Anymail refuses a mail that has any."""

KINDS = {
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
}
"""What else Anymail knows (opened, clicked, queued) is nothing that we keep about a person."""


def connect() -> None:
    """Wire Anymail's signals. Called once, when the apps are ready."""
    pre_send.connect(name_it, dispatch_uid="retention_anymail.name_it")
    tracking.connect(hear, dispatch_uid="retention_anymail.hear")


def name_it(sender: Any, message: Any, esp_name: str, **signal: Any) -> None:
    """Give our mails their Message-ID as metadata, too; mails of the shop's own are left alone."""
    headers = getattr(message, "extra_headers", {})
    ours = headers.get("Auto-Submitted") and headers.get("Message-ID")
    if ours and esp_name not in WITHOUT_METADATA:
        message.metadata = {**(getattr(message, "metadata", None) or {}), NAME: ours.strip("<>")}


def hear(sender: Any, event: AnymailTrackingEvent, esp_name: str, **signal: Any) -> None:
    """Note what the provider tells. What is no event is logged without a word of it."""
    kind = KINDS.get(event.event_type)
    if kind is None:
        return
    if kind == Kind.BOUNCED and not bounces.is_hard(event, esp_name):
        kind = Kind.OTHER
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    said = [event.event_type, event.reject_reason, event.description, event.mta_response]
    told = Told(
        kind=kind,
        ids=[one for one in (metadata.get(NAME), event.message_id) if isinstance(one, str | int) and one != ""],
        at=event.timestamp,
        provider=esp_name,
        event_id=event.event_id or "",
        detail=": ".join(str(part) for part in said if part),
        recipient=event.recipient or "",
    )
    try:
        events.take(told, at=timezone.now())
    except NotAnEvent as error:
        log.warning("%s told us nothing that we can keep: %s", esp_name, error)
