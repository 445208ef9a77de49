"""Going through journeys: each step once, with its effects in the same transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from campaigns.conf import conf
from campaigns.models import Enrolment, Journey
from campaigns.services import exits, steps
from retention.locks import passes
from retention.models import Message
from retention.rows import lock

log = logging.getLogger(__name__)

State = Enrolment.State

BATCH = 500
TRIES = 8
"""After this many, with waits that double from a minute, a passage is stuck and shown to staff."""


class Overtaken(Exception):
    """Another worker has taken a step of this batch; what this one did is rolled back."""


def advance(*, at: datetime, limit: int = 2000) -> int:
    """Take the steps that are due. Returns how many."""
    done = 0
    while done < limit:
        with transaction.atomic():
            ids = lock(Enrolment.objects.due(at=at).order_by("due_at", "pk"), limit=min(BATCH, limit - done))
            if not ids:
                break
            _try(_load(ids), at=at)
        done += len(ids)
    return done


def _load(ids: Sequence[int]) -> list[Enrolment]:
    rows = Enrolment.objects.filter(pk__in=ids).select_related("version__journey", "customer")
    return list(rows.order_by("due_at", "pk"))


def _try(rows: Sequence[Enrolment], *, at: datetime) -> None:
    """Take one step of each; where that fails, of the halves, until the one that fails alone is put off."""
    try:
        with transaction.atomic():
            take(rows, at=at)
            if connection.vendor == "postgresql":
                connection.check_constraints()  # deferred ones too, or the failure comes at COMMIT
        return
    except Exception as error:
        if passes(error) or isinstance(error, Overtaken):
            raise
        if len(rows) == 1:
            _put_off(rows[0], error, at=at)
            return
    middle = len(rows) // 2
    _try(rows[:middle], at=at)
    _try(rows[middle:], at=at)


def _put_off(row: Enrolment, error: Exception, *, at: datetime) -> None:
    log.error("step %s of %s cannot be taken", row.step, row, exc_info=error)
    tries = row.tries + 1
    Enrolment.objects.filter(pk=row.pk, state=State.ACTIVE, step=row.step).update(
        tries=tries,
        error=f"{type(error).__name__}: {error}"[:2000],
        state=State.STUCK if tries >= TRIES else State.ACTIVE,
        due_at=at + timedelta(minutes=2**tries),
    )


def take(rows: Sequence[Enrolment], *, at: datetime) -> None:
    """End the passages that have a reason to end, and take one step of the others.

    Of two workers with the same passage the conditional UPDATE lets one through; the other gets Overtaken.
    """
    reasons = exits.reasons(rows, at=at)
    stale = at - timedelta(days=conf.STALE_DAYS)
    reasons |= {row.key: exits.TOO_LATE for row in rows if row.due_at < stale and row.key not in reasons}
    end([row for row in rows if row.key in reasons], reasons=reasons, at=at)
    groups: dict[tuple[int, int], list[Enrolment]] = {}
    for row in rows:
        if row.key not in reasons:
            groups.setdefault((row.version_id, row.step), []).append(row)
    for (_, index), group in sorted(groups.items()):
        step = group[0].version.steps[index]
        _claim(group, step, last=index + 1 == len(group[0].version.steps), at=at)
        nothing = steps.run(step, group, at=at)
        end([row for row in group if row.key in nothing], reasons=nothing, at=at)


def _claim(group: Sequence[Enrolment], step: steps.Plan, *, last: bool, at: datetime) -> None:
    """Move these passages past ``step``; all of them or none."""
    claimed = Enrolment.objects.filter(
        pk__in=[row.pk for row in group], state=State.ACTIVE, step=group[0].step, due_at__lte=at
    ).update(
        step=F("step") + 1,
        due_at=F("due_at") + steps.wait(step),
        state=State.FINISHED if last else State.ACTIVE,
        ended_at=at if last else None,
        tries=0,
        error="",
    )
    if claimed != len(group):
        raise Overtaken(Overtaken.__doc__)


def end(rows: Iterable[Enrolment], *, reasons: Mapping[str, str], at: datetime) -> int:
    """End these passages, each for its reason. Those that left already keep their reason. Returns how many ended."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(reasons[row.key], []).append(row.pk)
    return sum(
        Enrolment.objects.filter(pk__in=ids)
        .exclude(state__in=[State.EXITED, State.DRY])
        .update(state=State.EXITED, reason=reason[:80], ended_at=at)
        for reason, ids in groups.items()
    )


def retry(row: Enrolment, *, at: datetime) -> bool:
    """Try a stuck passage's step again; False where it is not stuck."""
    return Enrolment.objects.filter(pk=row.pk, state=State.STUCK).update(state=State.ACTIVE, due_at=at, tries=1) == 1


def refuse(messages: Sequence[Message], at: datetime) -> dict[int, str]:
    """Return the messages of journeys that are not wanted any more, with the reason. For ``Mail.refuse``."""
    about = {message.pk: message.values.get("enrolment") for message in messages}
    rows = Enrolment.objects.filter(pk__in={pk for pk in about.values() if pk}).select_related("version__journey")
    found = {row.pk: row for row in rows}
    reasons = exits.reasons(list(found.values()), at=at) if found else {}
    for row in found.values():
        if row.state == State.EXITED:
            reasons.setdefault(row.key, row.reason)
        if row.version.journey.state != Journey.State.ON:
            reasons.setdefault(row.key, exits.SWITCHED_OFF)
    return {
        pk: reasons[found[enrolment].key]
        for pk, enrolment in about.items()
        if enrolment in found and found[enrolment].key in reasons
    }
