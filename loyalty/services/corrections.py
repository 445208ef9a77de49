"""Points given or taken by staff, with a reason and an author."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from loyalty.conf import conf
from loyalty.models import Correction, Entry
from loyalty.services import absences, points, programmes
from loyalty.services.points import Posting
from retention.models import Customer


class TooMuch(Exception):
    """More points than one correction may move (``ADJUST_MAX``)."""


class NothingToCorrect(Exception):
    """Zero points, or no reason: there is nothing to write down."""


class HoldsNoPoints(Exception):
    """Guests hold no points."""


class HasLeft(HoldsNoPoints):
    """Who has left the programme is given nothing and nothing is taken from them; coming back is their own step."""


def correct(customer: Customer, *, amount: int, reason: str, author: str, key: str, at: datetime) -> Entry | None:
    """Give (``amount`` above 0) or take points by hand; may lead below zero. Returns the entry, None for a repeat.

    ``key`` makes a form that is sent twice one correction. Raises TooMuch, NothingToCorrect, HoldsNoPoints,
    HasLeft, points.KeyReused.
    """
    reason, author = reason.strip(), author.strip()
    if amount == 0 or not reason or not author:
        raise NothingToCorrect
    if abs(amount) > conf.ADJUST_MAX:
        raise TooMuch
    if not points.holders([customer.pk]):
        raise HasLeft if absences.out([customer.pk]) else HoldsNoPoints
    end, _ = programmes.end_of(at)
    with transaction.atomic():
        entries = points.post(
            [
                Posting(
                    key=f"correct:{key}",
                    customer=customer.pk,
                    points=amount,
                    kind=Entry.Kind.CORRECTION,
                    source="staff",
                    expires_at=end if amount > 0 else None,
                    at=at,
                )
            ],
            at=at,
        )
        for entry in entries:
            Correction.objects.create(entry=entry, reason=reason[:200], author=author[:150])
    return entries[0] if entries else None
