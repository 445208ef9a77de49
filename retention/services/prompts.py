"""Prompts: whether to show one, that it was shown, and what was said to it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from retention.conf import conf
from retention.hashing import customer_key
from retention.models import Prompt

log = logging.getLogger(__name__)

ACCOUNT = "account"


def wanted(*, name: str, order: str, email: str, at: datetime) -> bool:
    """Whether to show a prompt for this order: not after a no within ``PROMPT_DAYS``, by address, nor after a yes."""
    since = at - timedelta(days=conf.PROMPT_DAYS)
    said = Prompt.objects.filter(name=name, address_hash=customer_key(email))
    return not (
        said.filter(dismissed_at__gte=since).exists()
        or Prompt.objects.filter(name=name, order=order, accepted_at__isnull=False).exists()
    )


def note_shown(*, name: str, order: str, email: str, at: datetime, variant: str = "") -> None:
    """Write down, once per order, that a prompt was shown. A failure is logged: the page comes first."""
    try:
        with transaction.atomic():
            _ensure(name=name, order=order, email=email, at=at, variant=variant)
    except Exception:
        log.exception("prompt %s could not be noted", name)


def dismiss(*, name: str, order: str, email: str, at: datetime) -> None:
    """Remember a no, for this order and this address."""
    _ensure(name=name, order=order, email=email, at=at)
    Prompt.objects.filter(name=name, order=order, dismissed_at=None).update(dismissed_at=at)


def accept(*, name: str, order: str, email: str, at: datetime) -> bool:
    """Take the one try that a placed order has; False when it has been taken."""
    _ensure(name=name, order=order, email=email, at=at)
    return Prompt.objects.filter(name=name, order=order, accepted_at=None).update(accepted_at=at) == 1


def _ensure(*, name: str, order: str, email: str, at: datetime, variant: str = "") -> None:
    Prompt.objects.get_or_create(
        name=name,
        order=order,
        defaults={"address_hash": customer_key(email), "shown_at": at, "variant": variant},
    )
