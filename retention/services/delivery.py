"""Sending what is due: ask everything that can say no, write, say that it is being sent, send, say what came of it."""

from __future__ import annotations

import logging
import smtplib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import make_msgid, parseaddr
from typing import Any

from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from retention import links, registry
from retention.conf import conf
from retention.locks import passes
from retention.mail import Mail
from retention.models import Customer, Message, Text
from retention.redaction import without_addresses
from retention.services import installation, outbox, permission, texts
from retention.watch import Watch

log = logging.getLogger(__name__)

State = Message.State
BATCH = 100
SERVICE = Message.Purpose.SERVICE

ANSWERS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)
"""The mail server's own no: the mail did not leave. Other errors of the line leave it in doubt."""


@dataclass(kw_only=True)
class Ready:
    """A claimed mail, written and waiting for the line."""

    message: Message
    email: EmailMultiAlternatives


def deliver(*, at: datetime, limit: int = 500) -> int:
    """Send mails whose time has come, in batches. Returns how many were claimed. Sends nothing while paused."""
    watch = Watch(at)
    outbox.reap(at=at)
    outbox.promote(at=at)
    count = 0
    while count < limit and not installation.get().paused_at:
        at = watch.now()
        owner = uuid.uuid4().hex
        claimed = outbox.claim(owner=owner, at=at, limit=min(BATCH, limit - count))
        if not claimed:
            break
        count += len(claimed)
        ready = write(refuse(claimed, at=at), at=at)
        if not _send_all(ready, watch):
            break  # no line to the mail server: what is left waits for the next round
    return count


def refuse(messages: Sequence[Message], *, at: datetime) -> list[Message]:
    """Skip the claimed mails that nobody may or wants to get any more; return the others."""
    reasons = permission.refusals(messages, at=at)
    dropped: set[int] = set()
    for name in {message.mail for message in messages}:
        mail = registry.mails.get(name)
        asked = [message for message in messages if message.mail == name and message.pk not in reasons]
        if mail and asked:
            refused, answered = _ask(mail.refuse, asked, reason="refusal", at=at)
            reasons.update(refused)
            dropped |= {message.pk for message in asked} - {message.pk for message in answered}
    by_reason: dict[str, list[int]] = {}
    for pk, reason in reasons.items():
        by_reason.setdefault(reason, []).append(pk)
    for reason, ids in by_reason.items():
        _settle(messages[0].owner, ids, state=State.SKIPPED, reason=reason[:80], at=at)
    return [message for message in messages if message.pk not in reasons and message.pk not in dropped]


def _ask(
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
            _postpone(messages, error=error, at=at)
            return {}, []
        if len(messages) == 1:
            log.exception("%s of message %s cannot be found out", reason, messages[0].pk)
            _settle(messages[0].owner, [messages[0].pk], state=State.FAILED, reason=reason, error=error, at=at)
            return {}, []
    middle = len(messages) // 2
    first, kept = _ask(question, messages[:middle], reason=reason, at=at)
    second, more = _ask(question, messages[middle:], reason=reason, at=at)
    return first | second, kept + more


def write(messages: Sequence[Message], *, at: datetime) -> list[Ready]:
    """Write each mail: values and tokens set-wise per kind, texts in the recipient's language.

    One that cannot be written is failed with the reason; the others go on.
    """
    ready: list[Ready] = []
    for name in sorted({message.mail for message in messages}):
        mail = registry.mails[name]
        group = [message for message in messages if message.mail == name]
        own = {text.language: text for text in Text.objects.filter(mail=name)}
        values, group = _ask(mail.build, group, reason="values", at=at)
        for message in group:
            try:
                ready.append(Ready(message=message, email=_email(mail, message, values.get(message.pk, {}), own)))
            except Exception as error:  # noqa: BLE001  (kept on the message; the log holds no personal data)
                log.warning("message %s cannot be written: %s", message.pk, type(error).__name__)
                _settle(message.owner, [message.pk], state=State.FAILED, reason="text", error=error, at=at)
    order = {message.pk: index for index, message in enumerate(messages)}
    return sorted(ready, key=lambda item: order[item.message.pk])


def _email(mail: Mail, message: Message, values: Mapping[str, Any], own: Mapping[str, Text]) -> EmailMultiAlternatives:
    language = texts.language_of(message.customer.language)
    unsubscribe = None  # an empty string is true in Liquid
    if message.purpose != SERVICE:
        unsubscribe = links.unsubscribe_url(customer=message.customer_id, purpose=message.purpose)
    reply_to = conf.REPLY_TO or conf.FROM_EMAIL
    written = texts.render(
        mail,
        language=language,
        own=own,
        values={
            **values,
            "shop": texts.shop(),
            "first_name": message.customer.first_name or None,
            "reply_to": parseaddr(reply_to)[1],
            "unsubscribe_url": unsubscribe,
        },
    )
    if not message.header_id:
        message.header_id = make_msgid(idstring=str(message.pk), domain=_domain())
    headers = {
        "Message-ID": message.header_id,
        "Auto-Submitted": "auto-generated",
        "List-Id": f"{conf.SHOP_NAME or 'Shop'} <{message.purpose}.{_domain()}>",
    }
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    email = EmailMultiAlternatives(
        subject=written.subject,
        body=written.text,
        from_email=conf.FROM_EMAIL,
        to=[message.customer.email],
        reply_to=[reply_to],
        headers={name: _one_line(value) for name, value in headers.items()},
    )
    email.attach_alternative(written.html, "text/html")
    return email


def _one_line(value: str) -> str:
    return "".join(value.splitlines()).strip()


def _domain() -> str:
    return parseaddr(conf.FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def _send_all(ready: Sequence[Ready], watch: Watch) -> bool:
    """Send over one connection. Returns False when there is no line; the mails are due again then.

    ``sent`` of one mail and ``sending`` of the next share a commit.
    """
    if not ready:
        return True
    line = django_mail.get_connection()
    try:
        line.open()
    except Exception as error:  # noqa: BLE001  (each backend has errors of its own)
        log.warning("no line to the mail server: %s", type(error).__name__)
        _postpone([item.message for item in ready], error=error, at=watch.now())
        return False
    try:
        return _send_over(line, ready, watch)
    finally:
        try:
            line.close()
        except Exception as error:  # noqa: BLE001
            log.info("the mail server closed the line first: %s", type(error).__name__)


def _send_over(line: BaseEmailBackend, ready: Sequence[Ready], watch: Watch) -> bool:
    previous: Ready | None = None
    for index, item in enumerate(ready):
        at = watch.now()  # a slow mail server must not let the next lease begin in the past
        with transaction.atomic():
            if previous:
                _mark_sent(previous.message, at=at)
            starts = _start(item.message, at=at)
        previous = None
        if not starts:
            continue
        try:
            line.send_messages([item.email])
        except Exception as error:  # noqa: BLE001  (kept on the message)
            if not _note_failure(item.message, error, at=watch.now()):
                _postpone([rest.message for rest in ready[index + 1 :]], error=error, at=watch.now())
                return False
            continue
        previous = item
    if previous:
        _mark_sent(previous.message, at=watch.now())
    return True


def _mine(message: Message, state: str) -> QuerySet[Message]:
    return Message.objects.filter(pk=message.pk, state=state, owner=message.owner)


def _start(message: Message, *, at: datetime) -> bool:
    """Go from claimed to sending, where address, consent and suppression still allow it in this very UPDATE.

    False when they do not (the mail is skipped) or another worker has taken it.
    """
    rows = _mine(message, State.CLAIMED)
    here = Customer.objects.filter(pk=OuterRef("customer"), email=message.customer.email)
    allowed = permission.still_allowed(rows.filter(Exists(here)), message, at=at)
    lease = at + timedelta(seconds=conf.SEND_LEASE_SECONDS)
    started = allowed.update(
        state=State.SENDING, header_id=message.header_id, lease_until=lease, tries=message.tries + 1, changed_at=at
    )
    if started:
        message.tries += 1
        return True
    free = {"owner": "", "lease_until": None, "changed_at": at}
    # written to an address that the customer has no more: it is written anew
    if not rows.filter(~Exists(here)).update(state=State.DUE, **free):
        rows.update(state=State.SKIPPED, reason="withdrawn", **free)
    return False


def _mark_sent(message: Message, *, at: datetime) -> None:
    done = _mine(message, State.SENDING).update(
        state=State.SENT, sent_at=at, owner="", lease_until=None, error="", reason="", changed_at=at
    )
    if not done:
        log.warning("message %s was sent after its lease was over", message.pk)
        Message.objects.filter(pk=message.pk, state=State.UNKNOWN).update(
            state=State.SENT, sent_at=at, error="", reason="", changed_at=at
        )


def _note_failure(message: Message, error: Exception, *, at: datetime) -> bool:
    """Write down what came of a failed send. Returns whether the line can still be used."""
    words = _words(error)
    rows = _mine(message, State.SENDING)
    free = {"owner": "", "lease_until": None, "changed_at": at, "error": words}
    if isinstance(error, OSError) and not isinstance(error, ANSWERS):
        # the line broke in mid-send: it may have left
        if message.at_least_once and message.tries < conf.SEND_TRIES:
            rows.update(state=State.DUE, due_at=_later(message, at), **free)
        else:
            rows.update(state=State.UNKNOWN, reason="line broke", **free)
        return False
    if _for_good(error) or message.tries >= conf.SEND_TRIES:
        rows.update(state=State.FAILED, reason="refused" if _for_good(error) else "gave up", **free)
    else:
        rows.update(state=State.DUE, due_at=_later(message, at), **free)  # the server said no for now: it did not leave
    return not _hung_up(error)


def _words(error: Exception) -> str:
    return without_addresses(f"{type(error).__name__}: {error}")[:500]


def _codes(error: Exception) -> list[int]:
    """Return what the mail server answered: one code, or one for each recipient it refused."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _hung_up(error: Exception) -> bool:
    """Whether the server closed the line with its answer; the next mail would seem to be in doubt."""
    return 421 in _codes(error)


def _for_good(error: Exception) -> bool:
    """Whether the mail server refuses this mail for ever (5xx), or it is no mail at all."""
    return all(code >= 500 for code in _codes(error))


def _later(message: Message, at: datetime) -> datetime:
    return at + timedelta(minutes=2 ** min(message.tries, 10))


def _postpone(messages: Sequence[Message], *, error: Exception, at: datetime) -> None:
    """Give claimed mails back: they certainly did not leave."""
    if messages:
        Message.objects.filter(
            pk__in=[message.pk for message in messages], state=State.CLAIMED, owner=messages[0].owner
        ).update(
            state=State.DUE,
            owner="",
            lease_until=None,
            due_at=at + timedelta(minutes=1),
            error=f"{type(error).__name__}"[:500],
            changed_at=at,
        )


def _settle(
    owner: str, ids: Sequence[int], *, state: str, reason: str, at: datetime, error: Exception | None = None
) -> None:
    Message.objects.filter(Q(pk__in=ids), state=State.CLAIMED, owner=owner).update(
        state=state,
        reason=reason,
        error=_words(error) if error else "",
        owner="",
        lease_until=None,
        changed_at=at,
    )
