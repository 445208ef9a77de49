"""Who takes part: how many members earn or spend, and how much of what is given is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from loyalty.models import Account, Entry

YEAR = timedelta(days=365)
Kind = Entry.Kind
GIVEN = (Kind.AWARD, Kind.GRANT, Kind.CLAWBACK, Kind.REVERSAL)
USED = (Kind.SPEND, Kind.RETURN)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A year of taking part."""

    members: int
    """Customers who have ever had a point; with rows that they have absorbed they are one."""
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
    """Return how members took part in the 365 days before. Four queries."""
    year = Entry.objects.filter(at__gte=at - YEAR, at__lt=at).order_by()
    # what an absorbed row has earned and spent stays on its own account
    whose = Coalesce("account__customer__absorbed_into", "account__customer")
    people = year.annotate(who=whose).values("who").distinct()
    with_points = Exists(
        Entry.objects.filter(account=OuterRef("pk"))
    )  # an order that earned nothing has an account, too
    everybody = (
        Account.objects.filter(with_points).annotate(who=Coalesce("customer__absorbed_into", "customer")).order_by()
    )
    earners = Q(kind=Kind.AWARD, points__gt=0) | Q(kind=Kind.SPEND)
    # pending points are counted when they come and not again when they open
    sums = year.aggregate(
        given=Sum("points", filter=Q(kind__in=GIVEN), default=0), used=Sum("points", filter=Q(kind__in=USED), default=0)
    )
    return Part(
        members=everybody.values("who").distinct().count(),
        active=people.filter(earners).count(),
        redeemers=people.filter(kind=Kind.SPEND).count(),
        given=sums["given"],
        used=-sums["used"],
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole > 0 else None
