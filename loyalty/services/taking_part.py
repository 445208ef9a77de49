"""Who takes part: how many members earn or spend, and how much of what is given is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Sum

from loyalty.models import Account, Entry

YEAR = timedelta(days=365)
Kind = Entry.Kind
GIVEN = (Kind.AWARD, Kind.GRANT, Kind.CLAWBACK)
USED = (Kind.SPEND, Kind.RETURN)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A year of taking part."""

    members: int
    """Customers who have ever had a point; rows that another has absorbed left out."""
    active: int
    """Of these, who earned by an order or spent within the year."""
    redeemers: int
    """Of these, who spent."""
    given: int
    """Points earned or given in the year, less what was taken back."""
    used: int
    """Points spent in the year, less what came back."""

    @property
    def active_percent(self) -> float | None:
        return _percent(self.active, self.members)

    @property
    def redeemers_percent(self) -> float | None:
        return _percent(self.redeemers, self.members)

    @property
    def used_percent(self) -> float | None:
        return _percent(self.used, self.given)


def find(*, at: datetime) -> Part:
    """Return how members took part in the 365 days before. Three queries."""
    accounts = Account.objects.filter(customer__absorbed_into=None)
    year = Entry.objects.filter(at__gte=at - YEAR, at__lt=at).order_by()
    mine = year.filter(account__in=accounts)
    spenders: Any = mine.filter(kind=Kind.SPEND).values("account").distinct()
    earners = Q(kind=Kind.AWARD, points__gt=0) | Q(kind=Kind.SPEND)
    # pending points are counted when they come and not again when they open
    sums = year.aggregate(
        given=Sum("points", filter=Q(kind__in=GIVEN), default=0), used=Sum("points", filter=Q(kind__in=USED), default=0)
    )
    return Part(
        members=accounts.count(),
        active=mine.filter(earners).values("account").distinct().count(),
        redeemers=spenders.count(),
        given=sums["given"],
        used=-sums["used"],
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole > 0 else None
