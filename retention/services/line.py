"""Sending written mails over one connection, and writing down what came of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Case, Exists, F, Value, When

from retention.conf import conf
from retention.models import Message
from retention.services import answers, heard, outbox, starting, unsettled
from retention.services.parcel import Parcel
from retention.services.starting import Starter
from retention.services.writing import Ready
from retention.watch import Watch

log = logging.getLogger(__name__)

State = Message.State
MARKETING = Message.Purpose.MARKETING

UNTRIED = {"tries": F("tries") - 1, "started_at": Case(When(tries=1, then=Value(None)), default=F("started_at"))}
"""What a mail being sent is again where nobody has looked at it."""


def send_one(email: EmailMessage) -> None:
    """Send a mail that is no message of the outbox. Raises what the backend raises."""
    django_mail.get_connection().send_messages([email])


def kept() -> list[EmailMessage]:
    """Return the mails that the backend has kept in memory, the last last; none where it keeps none."""
    return list(getattr(django_mail, "outbox", []))


def send_all(ready: Sequence[Ready], starter: Starter, watch: Watch) -> bool:
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
        return _send_over(line, ready, starter, watch)
    finally:
        try:
            line.close()
        except Exception as error:  # noqa: BLE001
            log.info("the mail server closed the line first: %s", type(error).__name__)


def _send_over(line: BaseEmailBackend, ready: Sequence[Ready], starter: Starter, watch: Watch) -> bool:
    previous: Ready | None = None
    following: Parcel | None = None
    for index, item in enumerate(ready):
        parcel = following or Parcel(item, line)
        following = Parcel(ready[index + 1], line) if index + 1 < len(ready) else None
        if error := parcel.pack():  # kept on the message; the log holds no personal data
            _note_unwritten(item.message, error, at=watch.now())
            continue
        meanwhile = following.pack if following else None
        starts = _step(starter, previous, parcel, at=watch.now(), meanwhile=meanwhile)
        previous = None
        if not starts:
            continue
        try:
            item.provider_id = parcel.send()
        except Exception as error:  # noqa: BLE001  (kept on the message)
            item.started = not answers.refuses_us(error)
            if not _note_failure(item.message, error, at=watch.now()):
                outbox.postpone([rest.message for rest in ready[index + 1 :]], error=error, at=watch.now())
                return False
            continue
        previous = item
    if previous:
        _step(starter, previous, None, at=watch.now())
    return True


def _note_unwritten(message: Message, error: Exception, *, at: datetime) -> None:
    log.warning("message %s cannot be written: %s", message.pk, type(error).__name__)
    outbox.settle(message.owner, [message.pk], state=State.FAILED, reason="text", error=error, at=at)


def _step(
    starter: Starter,
    previous: Ready | None,
    parcel: Parcel | None,
    *,
    at: datetime,
    meanwhile: Callable[[], object] | None = None,
) -> bool:
    """Note that one mail was sent, and go on to the next: from claimed to sending, where it is still allowed.

    False when it is not (it is skipped), when it must wait after all, or another worker has taken it. ``meanwhile`` is
    done while the database works.
    """
    late = parcel is not None and parcel.item.until is not None and at >= parcel.item.until
    wish = parcel.wish if parcel and not late else None
    sent, started = starter.step(previous, wish, at=at, meanwhile=meanwhile)
    if previous and not sent:
        _was_late(previous, at=at)
    if parcel is None:
        return False
    if started:
        parcel.item.message.tries += 1
        parcel.item.started = True
        return True
    _give_back(parcel.item.message, late=late, at=at)
    return False


def _was_late(item: Ready, *, at: datetime) -> None:
    log.warning("message %s was sent after its lease was over", item.message.pk)
    told = starting.told(at=at, provider_id=item.provider_id)
    Message.objects.filter(pk=item.message.pk, state=State.UNKNOWN).update(**told)


def _give_back(message: Message, *, late: bool, at: datetime) -> None:
    """Say what becomes of a mail that did not start, if it is still ours."""
    rows = Message.objects.filter(pk=message.pk, state=State.CLAIMED, owner=message.owner)
    free = {"owner": "", "lease_until": None, "started_at": outbox.UNSTARTED, "changed_at": at}
    waits = rows  # the next round puts it off
    if not late:
        # written to an address that the customer has no more: it is written anew
        waits = rows.filter(~Exists(starting.here(message)))
        if message.purpose == MARKETING:
            waits |= rows.filter(Exists(starting.STOPPED) | unsettled.where())
    if not waits.update(state=State.DUE, **free):
        rows.update(state=State.SKIPPED, reason="withdrawn", **free)


def _note_failure(message: Message, error: Exception, *, at: datetime) -> bool:
    """Write down what came of a failed send. Returns whether the line can still be used."""
    rows = Message.objects.filter(pk=message.pk, state=State.SENDING, owner=message.owner)
    free = {"owner": "", "lease_until": None, "changed_at": at, "error": answers.words(error)}
    again = {"state": State.DUE, "due_at": _later(message, at), **free}
    if answers.refuses_us(error):
        rows.update(**again, **UNTRIED)  # however long it lasts, no mail is to fail for it
        return False
    if answers.not_reached(error):
        rows.update(**again)
        return False
    if answers.in_doubt(error):
        once_more = message.at_least_once and message.tries < conf.SEND_TRIES
        with transaction.atomic():
            ours = rows.select_for_update(no_key=True).values_list("pk", flat=True)
            if heard.settle(list(ours), at=at):
                rows.update(**(again if once_more else {"state": State.UNKNOWN, "reason": "line broke", **free}))
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
