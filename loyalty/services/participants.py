"""Who may take part in a challenge, and the time that they have for it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from loyalty.models import Challenge, Participation
from loyalty.models.challenge import Span
from loyalty.services import absences
from retention import registry
from retention.conf import conf as ground
from retention.models import Customer


class NotOpen(Exception):
    """The challenge is off, has not begun, or is over."""


class NotForThem(Exception):
    """Guests, forgotten people and those who have left take part in nothing, and a challenge may be for some only."""


class NoJoining(Exception):
    """Whoever orders takes part: there is nothing to join."""


def join(challenge: Challenge, customer: Customer, *, at: datetime) -> Participation:
    """Let somebody take part from now on. Whoever takes part already gets the same row back.

    Raises NotOpen, NotForThem, NoJoining.
    """
    if challenge.automatic:
        raise NoJoining
    there = Participation.objects.filter(challenge=challenge, customer=customer).first()
    if there is not None:
        return there
    if not Challenge.objects.open(at=at).filter(pk=challenge.pk).exists():
        raise NotOpen
    if not people([customer.pk]) or absences.out([customer.pk]) or not eligible(challenge, {customer.pk}, at=at):
        raise NotForThem
    with transaction.atomic():
        # twice at once is one: the constraint loyalty_challenge_once_per_person
        Participation.objects.bulk_create([begin(challenge, customer.pk, at=at)], ignore_conflicts=True)
        return Participation.objects.get(challenge=challenge, customer=customer)


def begin(challenge: Challenge, customer: int, *, at: datetime) -> Participation:
    """Return a new row for somebody, with the time that they have."""
    starts_at = challenge.starts_at if challenge.automatic else max(at, challenge.starts_at)
    ends_at = {Span.FIXED: challenge.ends_at, Span.JOINED: starts_at + span(challenge)}.get(Span(challenge.span))
    return Participation(
        challenge=challenge,
        customer_id=customer,
        joined_at=at,
        starts_at=starts_at,
        ends_at=ends_at,
        closes_at=closes_at(challenge, ends_at),
        counted_at=at,
    )


def span(challenge: Challenge) -> timedelta:
    """Return how long the days of a challenge take."""
    return timedelta(days=challenge.days or 0) / ground.SPEED


def closes_at(challenge: Challenge, ends_at: datetime | None) -> datetime | None:
    """Return from when on nothing can undo it; None: its time has not begun, and may begin at any time."""
    if ends_at is None and challenge.ends_at is not None:
        ends_at = challenge.ends_at + span(challenge)
    return ends_at + timedelta(days=challenge.return_days) / ground.SPEED if ends_at else None


def people(customers: Collection[int]) -> list[int]:
    """Return those who can take part in anything: with an account, and not forgotten."""
    rows = Customer.objects.living().filter(pk__in=customers, erased_at=None).exclude(kind=Customer.Kind.GUEST)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def eligible(challenge: Challenge, customers: set[int], *, at: datetime) -> set[int]:
    """Return those that a challenge is for. One query where it asks a condition; nobody where that is not there."""
    if not challenge.condition:
        return set(customers)
    condition = registry.conditions.get(challenge.condition)
    return condition.matching(customers, challenge.parameters, at) if condition else set()
