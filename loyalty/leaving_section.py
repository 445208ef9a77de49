"""Leaving the programme, and coming back, on the shopper's own page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Min
from django.http import HttpRequest
from django.utils import timezone

from campaigns.validity import last_day
from loyalty import queries, reward_words, showing
from loyalty.models import Absence, Account, Lot
from loyalty.services import absences, programmes
from retention import registry
from retention.models import Customer

OTHERS = (
    "loyalty", "loyalty.tier", "loyalty.rewards", "loyalty.gifts", "loyalty.giving", "loyalty.challenges",
    "loyalty.referrals",
)  # fmt: skip
"""What who has left does not see. A membership that was paid for is theirs all the same, and so are coupons."""


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows: how to leave; for who has left, what stands until when, and how to come back.

    None where there is no programme and this customer never had a point.
    """
    account = queries.account(customer)
    if account is not None and account.left_at is not None:
        return _gone(customer, account)
    if account is None and programmes.running() is None:
        return None
    return {"template": "loyalty/leaving.html", "days": absences.GRACE.days}


def _gone(customer: Customer, account: Account) -> Mapping[str, Any]:
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    absence = absences.now_of(customer)
    assert absence is not None  # an account whose owner has left has one that is open
    standing = max(account.balance, 0) + account.pending
    ends_at = absences.ends_at(absence.left_at)
    over = ends_at <= now
    return {
        "template": "loyalty/left.html",
        "instead_of": OTHERS,
        "left_at": absence.left_at,
        "stands": "" if over or not standing else amount(standing),
        "ends_at": ends_at,
        "own_end": None if over else _own_end(account, before=ends_at, at=now),
        "given_up": over and _had(absence, standing),
    }


def amount(points: int) -> str:
    """Return points as this shop shows them: as points, or as money."""
    return showing.balance(points, queries.worth_rates()) or reward_words.points(points)


def _own_end(account: Account, *, before: datetime, at: datetime) -> date | None:
    """Return the last day of the first points that end by themselves, before all of them are given up."""
    lots = Lot.objects.filter(account=account, left__gt=0, expires_at__gt=at, expires_at__lt=before)
    first: datetime | None = lots.aggregate(first=Min("expires_at"))["first"]
    return last_day(first) if first else None


def _had(absence: Absence, standing: int) -> bool:
    """Whether there is, or was, anything to give up."""
    return (
        bool(standing)
        or absence.customer.points_account.entries.filter(kind="forfeit", at__gte=absence.left_at).exists()
    )


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.leaving", section)
