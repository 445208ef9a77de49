"""Taking down that something happened in the shop: one INSERT, and never a reason for a checkout to fail."""

from __future__ import annotations

import hashlib
import logging
from contextlib import nullcontext

from django.db import IntegrityError, transaction

from retention.models import Signal

log = logging.getLogger(__name__)

CUSTOMER = "customer"
"""Kind of a signal whose reference is an account's; every other kind is about an order."""


class EventReused(Exception):
    """The same event id came with another body."""


def record(*, kind: str, reference: str) -> None:
    """Take down that something happened to an order, or to an account (``CUSTOMER``).

    Swallows and logs every failure: the sweep finds the order.
    """
    try:
        # the savepoint is for the shop's transaction; where there is none, one INSERT needs none either
        with nullcontext() if transaction.get_autocommit() else transaction.atomic():
            Signal.objects.create(kind=kind, reference=reference)
    except Exception:
        log.exception("could not take down %s of %s; the sweep will find it", kind, reference)


def receive(*, kind: str, reference: str, event_id: str, body: bytes) -> bool:
    """Take down a webhook that brings an id. Returns False for one that is known already.

    Raises EventReused when the id is known with another body; nothing is stored then.
    """
    digest = hashlib.sha256(body).hexdigest()
    try:
        with transaction.atomic():
            Signal.objects.create(kind=kind, reference=reference, external_id=event_id, body_hash=digest)
    except IntegrityError:
        known = Signal.objects.get(kind=kind, external_id=event_id)
        if known.body_hash != digest:
            raise EventReused(f"Event {event_id} came before with another body.") from None
        return False
    return True
