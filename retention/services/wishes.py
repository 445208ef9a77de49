"""Which marketing mail a person left out, and until when they want none: asked before each send.

What was said holds for everybody with the address, as an unsubscribe does; but of an account whose mailbox nobody
has proven it holds for that account alone, or a stranger could speak for the address they typed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Q, QuerySet

from retention.models import Customer, Message, Preference, TopicChoice
from retention.rows import Among

MAILBOX = ~Q(kind=Customer.Kind.MEMBER) | Q(address_proven_at__isnull=False)
"""Rows that speak for their mailbox: a guest's wishes come by links that were mailed there."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What some people said, by customer id."""

    paused: dict[int, datetime] = field(default_factory=dict)
    """Until when."""
    left_out: set[tuple[int, str]] = field(default_factory=set)
    """(customer id, slug of a topic that is offered)."""


def speaks(customer: Customer) -> bool:
    """Whether the row speaks for its mailbox, as ``MAILBOX`` says.

    A link in a mail is good for ever; the account that it names may have another address by now, which anybody typed.
    """
    return customer.kind != Customer.Kind.MEMBER or customer.address_proven_at is not None


def voices(customer: Customer) -> QuerySet[Customer]:
    """Return the rows whose wishes hold for mail to this customer, the own one among them."""
    own = Q(pk=customer.pk)
    return Customer.objects.filter(own | (MAILBOX & Q(address=customer.address)) if customer.address else own)


def of(people: Iterable[Customer], *, topics: Collection[str], at: datetime) -> Wishes:
    """Return what these people said about pauses and about these topics (slugs). At most three queries."""
    people = list(people)
    named: dict[str, list[int]] = {}
    for person in people:
        if person.address:
            named.setdefault(person.address, []).append(person.pk)
    speaks: dict[int, set[int]] = {person.pk: {person.pk} for person in people}
    for pk, address in Customer.objects.filter(MAILBOX, Among(F("address"), named)).values_list("pk", "address"):
        speaks.setdefault(pk, set()).update(named[address])
    wishes = Wishes()
    paused = Preference.objects.filter(Among(F("customer"), speaks), paused_until__gt=at)
    for voice, until in paused.values_list("customer", "paused_until"):
        assert until is not None  # of the filter above
        for pk in speaks[voice]:
            wishes.paused[pk] = max(until, wishes.paused.get(pk, until))
    if topics := {slug for slug in topics if slug}:
        left = TopicChoice.objects.filter(customer__in=speaks, topic__slug__in=topics, topic__active=True, wanted=False)
        for voice, slug in left.values_list("customer", "topic__slug"):
            wishes.left_out.update((pk, slug) for pk in speaks[voice])
    return wishes


def still(rows: QuerySet[Message], message: Message, *, at: datetime) -> QuerySet[Message]:
    """Return ``rows``, those of this message, unless the person wants a pause or has left the topic out by now."""
    heard = voices(message.customer)
    rows = rows.filter(~Exists(Preference.objects.filter(customer__in=heard, paused_until__gt=at)))
    if message.topic and message.purpose == Message.Purpose.MARKETING:
        left = TopicChoice.objects.filter(
            customer__in=heard, topic__slug=message.topic, topic__active=True, wanted=False
        )
        rows = rows.filter(~Exists(left))
    return rows


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what a customer said of our mail and of themselves."""
    pace = Preference.objects.filter(customer=customer).first()
    birthday = f"{customer.birth_month:02}-{customer.birth_day:02}" if customer.birth_month else ""
    return {
        "topics": list(customer.topic_choices.order_by("topic").values("topic__slug", "wanted", "changed_at")),
        "at_most_every_days": pace.every_days if pace else None,
        "paused_until": pace.paused_until if pace else None,
        "birthday": birthday,
    }


def forget(customer: Customer, at: datetime) -> None:
    """Delete what was said by a person who is forgotten; their guests' rows' words went to them before."""
    rows = Customer.objects.filter(Q(pk=customer.pk) | Q(absorbed_into=customer.pk))
    TopicChoice.objects.filter(customer__in=rows).delete()
    Preference.objects.filter(customer__in=rows).delete()
    rows.update(birth_month=None, birth_day=None, birthday_given_at=None)


def join(guest: Customer, member: Customer, at: datetime) -> None:
    """Make one person's wishes of two rows': of each the later word, and a birthday where the member has none."""
    since = dict(TopicChoice.objects.filter(customer=member).values_list("topic", "changed_at"))
    theirs_later = [
        TopicChoice(customer=member, topic_id=choice.topic_id, wanted=choice.wanted, changed_at=choice.changed_at)
        for choice in TopicChoice.objects.filter(customer=guest)
        if choice.topic_id not in since or since[choice.topic_id] < choice.changed_at
    ]
    TopicChoice.objects.bulk_create(
        theirs_later,
        update_conflicts=True,
        unique_fields=["customer", "topic"],
        update_fields=["wanted", "changed_at"],
    )
    theirs, pace = (Preference.objects.filter(customer=who).first() for who in (guest, member))
    if theirs and (pace is None or pace.changed_at < theirs.changed_at):
        values = {name: getattr(theirs, name) for name in ("every_days", "paused_until", "changed_at")}
        Preference.objects.update_or_create(customer=member, defaults=values)
    TopicChoice.objects.filter(customer=guest).delete()
    Preference.objects.filter(customer=guest).delete()
    if guest.birth_month:
        Customer.objects.filter(pk=member.pk, birth_month=None).update(
            birth_month=guest.birth_month, birth_day=guest.birth_day, birthday_given_at=guest.birthday_given_at
        )
