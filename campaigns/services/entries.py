"""Who enters a journey: facts in batches, set-wise, each person or order once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from campaigns.models import Enrolment, Journey, JourneyVersion
from campaigns.services import exits, identity, journeys
from retention import registry
from retention.hashing import customer_key
from retention.models import Customer, Order
from retention.registry import Recorded
from retention.services import installation


def enter(facts: Sequence[Recorded]) -> None:
    """Let those whom these facts are about enter every journey that starts from them.

    History starts nothing, nor does anything before the shop went live or the journey was switched on.
    """
    live_since = installation.get().live_since
    if live_since is None:
        return
    news = [
        fact
        for fact in facts
        if not getattr(fact.data, "history", False) and fact.data.at >= live_since and fact.data.customer is not None
    ]
    for kind in sorted({fact.data.kind for fact in news}):
        for journey in Journey.objects.filter(trigger=kind).exclude(state=Journey.State.OFF).order_by("pk"):
            version = journeys.latest(journey)
            if version is not None and journey.since is not None:
                since = journey.since
                _enter(version, [fact for fact in news if fact.data.kind == kind and fact.data.at >= since])


def _enter(version: JourneyVersion, facts: Sequence[Recorded]) -> None:
    if not facts:
        return
    journey = version.journey
    people = identity.living({fact.data.customer for fact in facts if fact.data.customer is not None})
    references = {_order_of(fact) for fact in facts} - {""}
    orders = {order.reference: order for order in Order.objects.filter(reference__in=references)}
    now = max(fact.data.at for fact in facts)
    matching = match(version, {person.pk for person in people.values()}, at=now)
    rows: dict[str, Enrolment] = {}
    for fact in facts:
        person = people.get(fact.data.customer or 0)
        order = orders.get(_order_of(fact))
        if person is None or person.pk not in matching or (_order_of(fact) and order is None):
            continue
        key = key_of(version, person, order.reference if order else "")
        rows.setdefault(
            key,
            Enrolment(
                key=key,
                version=version,
                customer=person,
                order=order.reference if order else "",
                state=Enrolment.State.DRY if journey.state == Journey.State.DRY else Enrolment.State.ACTIVE,
                since=order.placed_at if order else fact.data.at,
                due_at=fact.data.at,
                entered_at=fact.data.at,
            ),
        )
    # The place of a holdout: who is held out is drawn here, before anything can be seen of the journey.
    fresh = _fresh(rows)
    reasons = exits.reasons(fresh, at=now) if fresh else {}
    for row in fresh:
        row.reason = reasons.get(row.key, "")
        if row.reason and row.state == Enrolment.State.ACTIVE:
            row.state, row.ended_at = Enrolment.State.EXITED, row.entered_at
    Enrolment.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=1000)


def _fresh(rows: dict[str, Enrolment]) -> list[Enrolment]:
    known = set(Enrolment.objects.filter(key__in=rows).values_list("key", flat=True))
    return [row for key, row in rows.items() if key not in known]


def _order_of(fact: Recorded) -> str:
    return str(getattr(fact.data, "order", ""))


def match(version: JourneyVersion, customers: Iterable[int], *, at: datetime) -> set[int]:
    """Return those of the customers for whom every condition of the version holds.

    Raises KeyError for a condition that nobody registers any more: the fact is parked, and staff see why.
    """
    found = set(customers)
    for asked in version.conditions:
        if found:
            found = registry.conditions[asked["name"]].matching(found, asked["parameters"], at)
    return found


def key_of(version: JourneyVersion, person: Customer, order: str) -> str:
    """Return what makes it one passage: the order, or the person by folded address, so that aliases are one.

    A dry run has keys of its own: it must not keep anybody out of the journey later.
    """
    journey = version.journey
    who = f"customer:{person.pk}" if not person.email else f"person:{customer_key(person.email)}"
    about = f"order:{order}" if version.once == Journey.Once.ORDER and order else who
    return ("dry:" if journey.state == Journey.State.DRY else "") + f"{journey.slug}:{about}"
