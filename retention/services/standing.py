"""How things stand between a person and our mail, exactly: to see what a change changed, and to put it back.

It is plain JSON without a personal string, so that a page without a session can carry it, signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core import signing

from retention.conf import conf
from retention.hashing import address_hash
from retention.models import Consent, Customer, Preference, Suppression, Topic, TopicChoice
from retention.models.consent import Purpose
from retention.services import consent, suppression
from retention.services.consent import Answer

SALT = "retention.preferences.undo"
LASTS = 86400
"""For how many seconds an undo is good."""

UNSUBSCRIBED = Suppression.Reason.UNSUBSCRIBED

Standing = dict[str, Any]


def read(customer: Customer, *, voices: Iterable[int], mailbox: bool) -> Standing:
    """Return the answers of a person, the stops of their address, and what these rows say of topics and pauses.

    Without ``mailbox`` there are no stops in it: the undo is to be read by whoever gets it.
    """
    voices = sorted(voices)
    answers = Consent.objects.filter(customer=customer, channel="email")
    stops = Suppression.objects.filter(
        address_hash=address_hash(customer.email) if mailbox and customer.email else "", scope__in=Purpose.values
    )
    choices = TopicChoice.objects.filter(customer__in=voices).order_by("customer", "topic__slug")
    return {
        "answers": {row.purpose: [row.granted, row.basis, row.changed_at.isoformat()] for row in answers},
        "stops": {row.scope: [row.reason, row.at.isoformat()] for row in stops},
        "topics": [list(row) for row in choices.values_list("customer", "topic__slug", "wanted")],
        "pace": [
            [row.customer_id, row.every_days, row.paused_until.isoformat() if row.paused_until else None]
            for row in Preference.objects.filter(customer__in=voices).order_by("customer")
        ],
    }


def restore(customer: Customer, *, now: Standing, then: Standing, voices: Iterable[int], at: datetime) -> None:
    """Make it stand as ``then``; call it in the transaction in which ``now`` was read."""
    for purpose in Purpose.values:
        _stop(customer, purpose, now["stops"].get(purpose), then["stops"].get(purpose))
        answer = then["answers"].get(purpose)
        if answer != now["answers"].get(purpose):
            consent.restore(customer, purpose=purpose, answer=_answer(answer), source="undo of a choice", at=at)
    if then["topics"] != now["topics"]:
        _topics(then["topics"], voices=list(voices), at=at)
    if then["pace"] != now["pace"]:
        Preference.objects.filter(customer__in=voices).delete()
        Preference.objects.bulk_create(
            Preference(
                customer_id=voice,
                every_days=every,
                paused_until=datetime.fromisoformat(until) if until else None,
                changed_at=at,
            )
            for voice, every, until in then["pace"]
        )


def _answer(said: list[Any] | None) -> Answer | None:
    return Answer(granted=said[0], basis=said[1], changed_at=datetime.fromisoformat(said[2])) if said else None


def _stop(customer: Customer, purpose: str, now: list[str] | None, then: list[str] | None) -> None:
    if now == then or not customer.email:
        return
    if now and not then:
        suppression.lift(customer.email, scope=purpose, reason=UNSUBSCRIBED)
    if then and not now:
        suppression.add(customer.email, scope=purpose, reason=then[0], at=datetime.fromisoformat(then[1]))


def _topics(then: Iterable[tuple[int, str, bool]], *, voices: list[int], at: datetime) -> None:
    known = dict(Topic.objects.values_list("slug", "pk"))
    TopicChoice.objects.filter(customer__in=voices).delete()
    TopicChoice.objects.bulk_create(
        TopicChoice(customer_id=voice, topic_id=known[slug], wanted=wanted, changed_at=at)
        for voice, slug, wanted in then
        if slug in known
    )


def sign(customer: Customer, *, before: Standing, after: Standing, mailbox: bool) -> str:
    """Return the undo of a change: it puts ``before`` back as long as ``after`` stands."""
    kept = {"who": customer.pk, "mailbox": mailbox, "before": before, "after": digest(after)}
    return signing.dumps(kept, key=conf.LINK_KEYS[0], salt=SALT, compress=True)


def unsign(undo: str, *, customer: Customer, mailbox: bool) -> Standing | None:
    """Return what was signed; None for what is too old, or no undo of this person's at this door."""
    for key in conf.LINK_KEYS:
        try:
            kept: Standing = signing.loads(undo, key=key, salt=SALT, max_age=LASTS)
        except signing.BadSignature:
            continue
        return kept if (kept["who"], kept["mailbox"]) == (customer.pk, mailbox) else None
    return None


def digest(standing: Standing) -> str:
    """Return a short name of how things stand."""
    return hashlib.sha256(json.dumps(standing, sort_keys=True).encode()).hexdigest()[:32]
