"""The outbox: what is owed by mail. Writing rows only; ``delivery`` sends them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from retention import registry
from retention.conf import conf
from retention.instants import resolve
from retention.locks import one_at_a_time
from retention.models import Message
from retention.rows import Among, lock
from retention.services import answers, heard

log = logging.getLogger(__name__)

State = Message.State

UNSTARTED = Case(When(tries=0, then=Value(None)), default=F("started_at"))
"""What ``started_at`` is again where a claimed mail goes back: the caps had taken it for begun."""


SERVICE_FIRST = 1000
"""Added to the priority of service mail: what somebody waits for goes before any campaign."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A mail to write down. ``key`` makes it one mail however often it is promised."""

    key: str
    mail: str
    customer: int
    due_at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    """Primitives: ids and amounts, no personal data."""
    order: str = ""
    source: str = ""
    topic: str = ""
    """Slug of a topic; empty: the mail's own. Kept with marketing mail only."""
    priority: int = 0
    local: tuple[date, time, str] | None = None
    """Due at this date and time in this zone; ``due_at`` is then only a first guess."""


def post(promise: Promise, *, at: datetime) -> None:
    """Write one mail into the outbox, in the caller's transaction. The same key again changes nothing."""
    post_many([promise], at=at)


def post_many(promises: Iterable[Promise], *, at: datetime) -> None:
    """Write mails into the outbox in a constant number of queries per thousand."""
    rows = []
    for promise in promises:
        mail = registry.mails[promise.mail]
        local = promise.local or (None, None, "")
        rows.append(
            Message(
                key=promise.key,
                mail=promise.mail,
                purpose=mail.purpose,
                at_least_once=mail.at_least_once,
                customer_id=promise.customer,
                order=promise.order,
                values=dict(promise.values),
                source=promise.source,
                topic=(promise.topic or mail.topic) if mail.purpose == Message.Purpose.MARKETING else "",
                priority=promise.priority + (SERVICE_FIRST if mail.purpose == Message.Purpose.SERVICE else 0),
                due_at=promise.due_at,
                due_date=local[0],
                due_time=local[1],
                due_zone=local[2],
                created_at=at,
                changed_at=at,
            )
        )
    Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)


def _set_due(row: Message) -> None:
    """Resolve a local time; where there is no such zone the first guess stays."""
    if not (row.due_date and row.due_time and row.due_zone):
        return
    try:
        row.due_at = resolve(row.due_date, row.due_time, row.due_zone)
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("message %s names the zone %r, which there is not", row.pk, row.due_zone)


def promote(*, at: datetime, limit: int = 1000) -> int:
    """Make planned mails due whose time has come. Returns how many were looked at.

    A mail due at a local time is resolved here, late, so that a changed zone rule still counts.
    """
    with one_at_a_time("retention.promote") as mine:
        if not mine:
            return 0
        ids = lock(Message.objects.filter(state=State.PLANNED, due_at__lte=at).order_by("due_at"), limit=limit)
        rows = list(Message.objects.filter(pk__in=ids))
        late = []
        for row in rows:
            _set_due(row)
            if row.due_at > at:
                late.append(row)
        Message.objects.bulk_update(late, ["due_at"])
        ripe = {row.pk for row in rows} - {row.pk for row in late}
        Message.objects.filter(pk__in=ripe, state=State.PLANNED).update(state=State.DUE, changed_at=at)
    return len(ids)


def reap(*, at: datetime) -> int:
    """Take mails from workers whose lease is over. Returns how many.

    ``claimed`` never left: due again. ``sending`` may have left: what an event says already, else due again with the
    same Message-ID where at least once is promised, else visible as unknown.
    """
    over = Message.objects.filter(lease_until__lt=at)
    free = {"owner": "", "lease_until": None, "changed_at": at}
    count = over.filter(state=State.CLAIMED).update(state=State.DUE, started_at=UNSTARTED, **free)
    with transaction.atomic():
        ids = lock(over.filter(state=State.SENDING).order_by("pk"), limit=1000)
        if ids:
            rest = Message.objects.filter(pk__in=heard.settle(ids, at=at), state=State.SENDING)
            rest.filter(at_least_once=True).update(state=State.DUE, **free)
            rest.filter(at_least_once=False).update(state=State.UNKNOWN, reason="sender died", **free)
    return count + len(ids)


def claim(*, owner: str, at: datetime, limit: int, stopped: bool = False) -> list[Message]:
    """Claim due mails for one worker, the most urgent first; nobody else gets them until the lease ends.

    ``stopped``: marketing stays where it is.
    """
    due = Message.objects.due(at=at)
    if stopped:
        due = due.exclude(purpose=Message.Purpose.MARKETING)
    with one_at_a_time("retention.claim", wait=True):
        ids = lock(due.order_by("-priority", "due_at", "pk"), limit=limit)
        Message.objects.filter(Among(F("pk"), ids), state=State.DUE).update(
            state=State.CLAIMED,
            owner=owner,
            lease_until=at + timedelta(seconds=conf.SEND_LEASE_SECONDS),
            changed_at=at,
        )
    return list(
        Message.objects.filter(Among(F("pk"), ids), owner=owner, state=State.CLAIMED)
        .select_related("customer")
        .order_by("-priority", "due_at", "pk")
    )


def postpone(messages: Sequence[Message], *, error: BaseException, at: datetime) -> None:
    """Give claimed mails back: they certainly did not leave."""
    if messages:
        Message.objects.filter(
            pk__in=[message.pk for message in messages], state=State.CLAIMED, owner=messages[0].owner
        ).update(
            state=State.DUE,
            owner="",
            lease_until=None,
            due_at=at + timedelta(minutes=1),
            started_at=UNSTARTED,
            error=f"{type(error).__name__}"[:500],
            changed_at=at,
        )


def put_off(owner: str, later: Mapping[int, tuple[datetime, str]], *, at: datetime) -> None:
    """Let claimed mails be due again at a time of their own, with why they wait: message id → (when, why)."""
    if later:
        Message.objects.filter(pk__in=later, state=State.CLAIMED, owner=owner).update(
            state=State.DUE,
            owner="",
            lease_until=None,
            due_at=Case(*(When(pk=pk, then=Value(when)) for pk, (when, _) in later.items()), default=F("due_at")),
            deferred=Case(*(When(pk=pk, then=Value(why)) for pk, (_, why) in later.items()), default=F("deferred")),
            changed_at=at,
        )


def settle(
    owner: str, ids: Sequence[int], *, state: str, reason: str, at: datetime, error: BaseException | None = None
) -> None:
    """End claimed mails that will not be sent, with the reason."""
    Message.objects.filter(pk__in=ids, state=State.CLAIMED, owner=owner).update(
        state=state,
        reason=reason,
        error=answers.words(error) if error else "",
        owner="",
        lease_until=None,
        started_at=UNSTARTED,
        changed_at=at,
    )


def cancel(message: Message, *, reason: str, at: datetime) -> bool:
    """Call off a mail that is planned or due; False when it is under way or over."""
    return cancel_all(Q(pk=message.pk), reason=reason, at=at) == 1


def cancel_all(which: Q, *, reason: str, at: datetime) -> int:
    """Call off every planned or due mail that matches. Returns how many."""
    return Message.objects.waiting().filter(which).update(state=State.CANCELLED, reason=reason[:80], changed_at=at)


def resend(message: Message, *, at: datetime) -> bool:
    """Send a mail that failed, was skipped or is unknown once more, at a person's word; False in any other state."""
    return (
        Message.objects.filter(
            pk=message.pk, state__in=[State.FAILED, State.UNKNOWN, State.SKIPPED, State.CANCELLED]
        ).update(state=State.DUE, due_at=at, reason="", error="", tries=0, owner="", lease_until=None, changed_at=at)
        == 1
    )


def resolve_unknown(message: Message, *, left: bool, at: datetime) -> bool:
    """Say what became of an unknown mail: a provider's event or a person knows. False when it is not unknown."""
    rows = Message.objects.filter(pk=message.pk, state=State.UNKNOWN)
    if left:
        return rows.update(state=State.SENT, sent_at=F("changed_at"), reason="", changed_at=at) == 1
    return rows.update(state=State.FAILED, reason="did not leave", changed_at=at) == 1
