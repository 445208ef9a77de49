"""Sending written mails over one connection, and writing down what came of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from retention.conf import conf
from retention.models import Customer, Message, Sending
from retention.services import answers, outbox, permission, unsettled
from retention.services.writing import Ready
from retention.watch import Watch

log = logging.getLogger(__name__)

State = Message.State
MARKETING = Message.Purpose.MARKETING


def send_one(email: EmailMessage) -> None:
    """Send a mail that is no message of the outbox. Raises what the backend raises."""
    django_mail.get_connection().send_messages([email])


def send_all(ready: Sequence[Ready], watch: Watch) -> bool:
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
        outbox.postpone([item.message for item in ready], error=error, at=watch.now())
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
                _mark_sent(previous, at=at)
            starts = _start(item, at=at)
        previous = None
        if not starts:
            continue
        try:
            line.send_messages([item.email])
        except Exception as error:  # noqa: BLE001  (kept on the message)
            if not _note_failure(item.message, error, at=watch.now()):
                outbox.postpone([rest.message for rest in ready[index + 1 :]], error=error, at=watch.now())
                return False
            continue
        previous = item
    if previous:
        _mark_sent(previous, at=watch.now())
    return True


def _mine(message: Message, state: str) -> QuerySet[Message]:
    return Message.objects.filter(pk=message.pk, state=state, owner=message.owner)


def _start(item: Ready, *, at: datetime) -> bool:
    """Go from claimed to sending, where address, consent and suppression still allow it in this very UPDATE.

    False when they do not (the mail is skipped), when it must wait after all, or another worker has taken it.
    """
    message = item.message
    rows = _mine(message, State.CLAIMED)
    free = {"owner": "", "lease_until": None, "changed_at": at}
    if item.until and at >= item.until:
        rows.update(state=State.DUE, started_at=outbox.UNSTARTED, **free)  # the next round puts it off
        return False
    here = Customer.objects.filter(pk=OuterRef("customer"), email=message.customer.email)
    stopped = Sending.objects.filter(stopped_at__isnull=False)
    allowed = permission.still_allowed(rows.filter(Exists(here)), message, at=at)
    if message.purpose == MARKETING:
        allowed = allowed.filter(~Exists(stopped))
    started = allowed.update(
        state=State.SENDING,
        header_id=message.header_id,
        lease_until=at + timedelta(seconds=conf.SEND_LEASE_SECONDS),
        tries=message.tries + 1,
        started_at=at,
        deferred="",
        changed_at=at,
    )
    if started:
        message.tries += 1
        item.started = True
        return True
    waits = rows.filter(~Exists(here))  # written to an address that the customer has no more: it is written anew
    if message.purpose == MARKETING:
        waits |= rows.filter(Exists(stopped) | unsettled.where())
    if not waits.update(state=State.DUE, started_at=outbox.UNSTARTED, **free):
        rows.update(state=State.SKIPPED, reason="withdrawn", started_at=outbox.UNSTARTED, **free)
    return False


def _mark_sent(item: Ready, *, at: datetime) -> None:
    message = item.message
    told = {"sent_at": at, "error": "", "reason": "", "provider_id": _provider_id(item.email), "changed_at": at}
    done = _mine(message, State.SENDING).update(state=State.SENT, owner="", lease_until=None, **told)
    if not done:
        log.warning("message %s was sent after its lease was over", message.pk)
        Message.objects.filter(pk=message.pk, state=State.UNKNOWN).update(state=State.SENT, **told)


def _provider_id(email: EmailMessage) -> str:
    """Return the id that a provider gave the mail, as django-anymail leaves it there; empty for none that is one."""
    given = getattr(getattr(email, "anymail_status", None), "message_id", None)
    return str(given).replace("\0", "")[:200] if isinstance(given, str | int) else ""


def _note_failure(message: Message, error: Exception, *, at: datetime) -> bool:
    """Write down what came of a failed send. Returns whether the line can still be used."""
    rows = _mine(message, State.SENDING)
    free = {"owner": "", "lease_until": None, "changed_at": at, "error": answers.words(error)}
    again = {"state": State.DUE, "due_at": _later(message, at), **free}
    if answers.not_reached(error):
        rows.update(**again)
        return False
    if answers.in_doubt(error):
        if message.at_least_once and message.tries < conf.SEND_TRIES:
            rows.update(**again)
        else:
            rows.update(state=State.UNKNOWN, reason="line broke", **free)
        return False
    if answers.of_the_sender(error) and message.tries < conf.SEND_TRIES:
        rows.update(**again)
        return False
    for_good = answers.for_good(error)
    if for_good or message.tries >= conf.SEND_TRIES:
        rows.update(state=State.FAILED, reason="refused" if for_good else "gave up", **free)
    else:
        rows.update(**again)  # the server said no for now: it did not leave
    return not answers.hung_up(error)


def _later(message: Message, at: datetime) -> datetime:
    return at + timedelta(minutes=2 ** min(message.tries, 10))
