"""Invitations to surveys: planned with the order's times as they are known, sent once, reminded of once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from campaigns.conf import conf
from campaigns.models import Answer, Enrolment, Invitation, Journey, Survey
from campaigns.services import exits, identity, permission
from retention.conf import conf as ground
from retention.hashing import customer_key
from retention.locks import one_at_a_time
from retention.models import Message, Order
from retention.registry import Recorded
from retention.rows import lock
from retention.services import outbox, wishes
from retention.services.outbox import Promise

State = Invitation.State

BATCH = 500
SOURCE = "survey:"
MAILS = INVITATION, REMINDER = "campaigns.survey", "campaigns.survey_reminder"

ASKED = "asked recently"
RETURNED = "order returned"
ANSWERED = "answered"
CLOSED = "closed"


def _wait(days: int) -> timedelta:
    return timedelta(days=days) / ground.SPEED


def due(survey: Survey, order: Order) -> datetime:
    """Return when to ask about an order, by what is known of it: delivered, else sent, else placed."""
    if order.delivered_at:
        return order.delivered_at + _wait(survey.after_delivered)
    if order.fulfilled_at:
        return order.fulfilled_at + _wait(survey.after_fulfilled)
    return order.placed_at + _wait(survey.after_placed)


def plan(survey: Survey, rows: Iterable[Enrolment], *, at: datetime) -> None:
    """Plan one invitation for the order of each passage; an order that has one keeps it."""
    about = {row.order: row for row in rows if row.order}
    Invitation.objects.bulk_create(
        [
            Invitation(
                survey=survey,
                order=order.reference,
                customer_id=about[order.reference].customer_id,
                enrolment=about[order.reference],
                due_at=due(survey, order),
                created_at=at,
            )
            for order in Order.objects.filter(reference__in=about)
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def replan(facts: Sequence[Recorded]) -> None:
    """Move planned invitations to the time that follows from their orders' times as they are now."""
    orders = {
        order.reference: order
        for order in Order.objects.filter(reference__in={getattr(fact.data, "order", "") for fact in facts})
    }
    moved = []
    planned = Invitation.objects.filter(state=State.PLANNED, order__in=orders)
    for invitation in planned.select_related("survey").select_for_update(of=("self",)):
        order = orders[invitation.order]
        time = due(invitation.survey, order)
        if (invitation.due_at, invitation.customer_id) != (time, order.customer_id):
            invitation.due_at, invitation.customer_id = time, order.customer_id
            moved.append(invitation)
    Invitation.objects.bulk_update(moved, ["due_at", "customer"])


def send(*, at: datetime) -> int:
    """Put the invitations and reminders that are due into the outbox. Returns how many were looked at.

    One at a time, so that two surveys never ask one person at once.
    """
    done = 0
    for batch in (_invite, _remind):
        while True:
            with one_at_a_time("campaigns.surveys") as mine:
                count = batch(at=at) if mine else 0
            if not count:
                break
            done += count
    return done


def _invite(*, at: datetime) -> int:
    waiting = Invitation.objects.filter(
        state=State.PLANNED, due_at__lte=at, enrolment__version__journey__state=Journey.State.ON
    )
    ids = lock(waiting.order_by("due_at", "pk"), limit=BATCH)
    rows = list(
        Invitation.objects.filter(pk__in=ids)
        .select_related("survey", "customer", "enrolment__version__journey")
        .order_by("due_at", "pk")
    )
    reasons = _reasons(rows, at=at)
    stale = at - timedelta(days=conf.STALE_DAYS)
    reasons |= {row.pk: exits.TOO_LATE for row in rows if row.due_at < stale and row.pk not in reasons}
    going = _not_asked([row for row in rows if row.pk not in reasons], reasons, at=at)
    for reason in sorted(set(reasons.values())):
        Invitation.objects.filter(pk__in=[pk for pk, why in reasons.items() if why == reason]).update(
            state=State.WITHDRAWN, reason=reason[:80]
        )
    for survey in {row.survey for row in going}:
        Invitation.objects.filter(pk__in=[row.pk for row in going if row.survey == survey]).update(
            state=State.SENT,
            sent_at=at,
            remind_at=at + _wait(survey.remind_after),
            closes_at=at + timedelta(days=survey.open_days),
        )
    Invitation.objects.bulk_update(going, ["person_hash"])
    outbox.post_many((_promise(row, INVITATION, at=at) for row in going), at=at)
    return len(ids)


def _promise(row: Invitation, mail: str, *, at: datetime) -> Promise:
    return Promise(
        key=f"{mail}:{row.pk}",
        mail=mail,
        customer=row.customer_id,
        order=row.order,
        values={"invitation": row.pk},
        source=f"{SOURCE}{row.survey.slug}",
        due_at=at,
    )


def _not_asked(rows: Sequence[Invitation], reasons: dict[int, str], *, at: datetime) -> list[Invitation]:
    """Leave out whom a survey has asked within ``SURVEY_DAYS``; give the others the hash by which that is known."""
    for row in rows:
        row.person_hash = customer_key(row.customer.email)
    asked = set(
        Invitation.objects.filter(
            person_hash__in={row.person_hash for row in rows}, sent_at__gt=at - _wait(conf.SURVEY_DAYS)
        ).values_list("person_hash", flat=True)
    )
    going = []
    for row in rows:
        if row.person_hash in asked:
            reasons[row.pk] = ASKED
        else:
            asked.add(row.person_hash)
            going.append(row)
    return going


def _remind(*, at: datetime) -> int:
    waiting = Invitation.objects.filter(
        state=State.SENT, remind_at__lte=at, enrolment__version__journey__state=Journey.State.ON
    )
    ids = lock(waiting.order_by("remind_at", "pk"), limit=BATCH)
    rows = Invitation.objects.filter(pk__in=ids).select_related("survey")
    wanted = rows.exclude(Exists(Answer.objects.filter(invitation=OuterRef("pk"))))
    going = list(wanted.filter(closes_at__gt=at))
    Invitation.objects.filter(pk__in=ids).update(remind_at=None)
    Invitation.objects.filter(pk__in=[row.pk for row in going]).update(reminded_at=at)
    outbox.post_many((_promise(row, REMINDER, at=at) for row in going), at=at)
    return len(ids)


def _reasons(rows: Collection[Invitation], *, at: datetime) -> dict[int, str]:
    """Return invitation → why nobody is to be asked: goods returned, journey left, no mail wanted. Set-wise."""
    returned = set(
        Order.objects.filter(exits.returned(), reference__in={row.order for row in rows}).values_list(
            "reference", flat=True
        )
    )
    people = {row.customer_id for row in rows}
    allowed = permission.granted(people, purpose=Message.Purpose.SURVEY)
    alive = identity.living(people)
    paused = wishes.of(alive.values(), topics=(), at=at).paused
    left = exits.reasons([row.enrolment for row in rows], at=at) if rows else {}
    found = {}
    for row in rows:
        if row.order in returned:
            found[row.pk] = RETURNED
        elif row.enrolment.key in left:
            found[row.pk] = left[row.enrolment.key]
        elif row.customer_id not in alive or row.customer_id not in allowed:
            found[row.pk] = exits.NO_CONSENT
        elif alive[row.customer_id].pk in paused:
            found[row.pk] = exits.PAUSED
    return found


def refuse(messages: Sequence[Message], at: datetime) -> dict[int, str]:
    """Return the survey mails that are not wanted any more, with the reason. For ``Mail.refuse``."""
    about = {message.pk: message.values.get("invitation") for message in messages}
    rows = {
        row.pk: row
        for row in Invitation.objects.filter(pk__in={pk for pk in about.values() if pk}).select_related(
            "enrolment__version__journey"
        )
    }
    reasons = _reasons(list(rows.values()), at=at)
    answered = set(Answer.objects.filter(invitation__in=rows).values_list("invitation", flat=True))
    for row in rows.values():
        if row.pk in answered:
            reasons.setdefault(row.pk, ANSWERED)
        elif row.state == State.WITHDRAWN:
            reasons.setdefault(row.pk, row.reason)
        elif row.closes_at is not None and row.closes_at <= at:
            reasons.setdefault(row.pk, CLOSED)
        elif row.enrolment.version.journey.state != Journey.State.ON:
            reasons.setdefault(row.pk, exits.SWITCHED_OFF)
    return {pk: reasons[invitation] for pk, invitation in about.items() if invitation in reasons}


def withdraw(ids: Collection[int], *, reason: str) -> int:
    """Take back planned invitations, and the reminders of those that are out. Returns how many will not go out."""
    with transaction.atomic():
        Invitation.objects.filter(pk__in=ids, state=State.SENT).update(remind_at=None)
        return Invitation.objects.filter(pk__in=ids, state=State.PLANNED).update(
            state=State.WITHDRAWN, reason=reason[:80]
        )
