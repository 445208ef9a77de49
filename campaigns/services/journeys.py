"""Journeys as staff edit them: keeping each version, and switching them on and off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.models import Journey, JourneyVersion, Step


class Empty(Exception):
    """A journey without steps does nothing: add one, or switch it off."""


def steps_of(journey: Journey) -> list[dict[str, Any]]:
    """Return the steps as they are edited now, as plain data."""
    return [_plain(step) for step in journey.steps.order_by("position", "pk")]


def _plain(step: Step) -> dict[str, Any]:
    match step.kind:
        case Step.Kind.WAIT:
            return {"kind": "wait", "hours": step.days * 24 + step.hours}
        case Step.Kind.MAIL:
            return {"kind": "mail", "mail": step.mail}
        case Step.Kind.COUPON:
            return {"kind": "coupon", "offer": step.offer_id}
        case Step.Kind.SURVEY:
            return {"kind": "survey", "survey": step.survey_id}
    return {"kind": "action", "action": step.action, "parameters": step.parameters}


def draft(journey: Journey) -> JourneyVersion:
    """Return what the next version would be, not saved; its number is the one it would get."""
    last = latest(journey)
    return JourneyVersion(
        journey=journey,
        number=(last.number if last else 0) + 1,
        trigger=journey.trigger,
        once=journey.once,
        conditions=[
            {"name": asked.name, "parameters": asked.parameters} for asked in journey.conditions.order_by("pk")
        ],
        exits=sorted(journey.exits),
        topic=journey.topic,
        steps=steps_of(journey),
    )


def latest(journey: Journey) -> JourneyVersion | None:
    """Return the version under which people enter now."""
    return journey.versions.order_by("-number").first()


SAME = ("trigger", "once", "conditions", "exits", "topic", "steps")


def publish(journey: Journey, *, at: datetime) -> JourneyVersion:
    """Keep what is edited as a new version, where it differs from the last; who is under way keeps theirs.

    Raises Empty for a journey that is not off and has no steps.
    """
    with transaction.atomic():
        Journey.objects.select_for_update().get(pk=journey.pk)  # two savings at once make two versions
        new, last = draft(journey), latest(journey)
        if last is not None and all(getattr(last, field) == getattr(new, field) for field in SAME):
            return last
        if journey.state != Journey.State.OFF and not new.steps:
            raise Empty(Empty.__doc__)
        new.made_at = at
        new.save()
    return new


def switch(journey: Journey, state: str, *, at: datetime) -> bool:
    """Switch to off, dry run or on; False where it is so already. Raises Empty for one without steps.

    Who enters are those to whom it happens from now on. Off: nobody enters, who is under way waits, and what
    is too late when it is switched on again is left out.
    """
    with transaction.atomic():
        if state != Journey.State.OFF and not publish(journey, at=at).steps:
            raise Empty(Empty.__doc__)
        changed = Journey.objects.filter(pk=journey.pk).exclude(state=state).update(state=state, since=at)
    journey.refresh_from_db(fields=["state", "since"])
    return bool(changed)
