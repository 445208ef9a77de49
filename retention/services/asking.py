"""Asking who may say no to claimed mails, and asking apps without letting one that fails hold up the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from retention import registry
from retention.locks import passes
from retention.models import Message
from retention.services import outbox, permission

log = logging.getLogger(__name__)

State = Message.State


def refuse(messages: Sequence[Message], *, at: datetime) -> list[Message]:
    """Skip the claimed mails that nobody may or wants to get any more; return the others."""
    reasons = permission.refusals(messages, at=at)
    dropped: set[int] = set()
    for name in {message.mail for message in messages}:
        mail = registry.mails.get(name)
        asked = [message for message in messages if message.mail == name and message.pk not in reasons]
        if mail and asked:
            refused, answered = ask(mail.refuse, asked, reason="refusal", at=at)
            reasons.update(refused)
            dropped |= {message.pk for message in asked} - {message.pk for message in answered}
    by_reason: dict[str, list[int]] = {}
    for pk, reason in reasons.items():
        by_reason.setdefault(reason, []).append(pk)
    for reason, ids in by_reason.items():
        outbox.settle(messages[0].owner, ids, state=State.SKIPPED, reason=reason[:80], at=at)
    return [message for message in messages if message.pk not in reasons and message.pk not in dropped]


def ask(
    question: Callable[[Sequence[Message], datetime], Mapping[int, Any]],
    messages: Sequence[Message],
    *,
    reason: str,
    at: datetime,
) -> tuple[dict[int, Any], list[Message]]:
    """Return an app's answers about these mails, and the mails that it could answer about.

    On failure it is asked by halves until the mail that fails alone is found and failed with ``reason``; after a
    lost connection or a deadlock they are due again.
    """
    try:
        with transaction.atomic():
            return dict(question(messages, at)), list(messages)
    except Exception as error:
        if passes(error):
            outbox.postpone(messages, error=error, at=at)
            return {}, []
        if len(messages) == 1:
            log.exception("%s of message %s cannot be found out", reason, messages[0].pk)
            outbox.settle(messages[0].owner, [messages[0].pk], state=State.FAILED, reason=reason, error=error, at=at)
            return {}, []
    middle = len(messages) // 2
    first, kept = ask(question, messages[:middle], reason=reason, at=at)
    second, more = ask(question, messages[middle:], reason=reason, at=at)
    return first | second, kept + more
