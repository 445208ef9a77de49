"""What the shop owes in points: what stands, what is pending, what ends when, and what may never be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMonth

from campaigns.validity import zone
from loyalty.models import Account, Entry, Lot, LotMove, Programme
from loyalty.models.programme import Expires

YEAR = timedelta(days=365)
LEAST = 30
"""Customers whose points have come to their end; from fewer nothing can be said about others."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """Points that end unused in one month unless they are spent before."""

    first: datetime
    """Its first instant in the shop's zone."""
    points: int
    customers: int


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """What became of points whose end has come within a year: the share that nobody used."""

    ended: int
    spent: int
    customers: int

    @property
    def tells(self) -> bool:
        """Whether there is enough to say something about points that have not ended."""
        return self.customers >= LEAST and self.ended + self.spent > 0

    def expected(self, points: int) -> int | None:
        """Return how many of these points will end unused, if others go the way of those before; None: too early."""
        return points * self.ended // (self.ended + self.spent) if self.tells else None


@dataclass(frozen=True, kw_only=True)
class Liability:
    """Points that are owed at one instant."""

    outstanding: int
    """To spend, debts not taken off."""
    holders: int
    held: int
    """Of these: set aside for rewards that were claimed."""
    pending: int
    """Not opened yet."""
    owed: int
    """What customers are below zero."""
    months: tuple[Month, ...]
    breakage: Breakage
    ends: bool
    """Whether points end by the active programme."""
    runs: bool
    """Whether there is an active programme."""

    @property
    def ending(self) -> int:
        return sum(month.points for month in self.months)

    @property
    def endless(self) -> int:
        """Points that have no end."""
        return self.outstanding - self.ending

    @property
    def expected_breakage(self) -> int | None:
        """What of the outstanding points will end unused; None where nothing can be said."""
        return self.breakage.expected(self.ending) if self.ends else None


def find(*, at: datetime) -> Liability:
    """Return what is owed now. Six queries, however many accounts there are."""
    sums = Account.objects.aggregate(
        outstanding=Sum("balance", filter=Q(balance__gt=0), default=0),
        holders=Count("pk", filter=Q(balance__gt=0)),
        held=Sum("held", default=0),
        pending=Sum("pending", default=0),
        owed=Sum("owed", default=0),
    )
    programme = Programme.objects.filter(active=True).first()
    ends = programme is not None and programme.expires != Expires.NEVER
    return Liability(
        **sums,
        months=_months() if ends else (),
        breakage=_breakage(at=at),
        ends=ends,
        runs=programme is not None,
    )


def _months() -> tuple[Month, ...]:
    rows = (
        Lot.objects.filter(left__gt=0)
        .order_by()
        .annotate(month=TruncMonth("expires_at", tzinfo=zone()))
        .values("month")
        .annotate(points=Sum("left"), customers=Count("account", distinct=True))
        .order_by("month")
    )
    return tuple(Month(first=row["month"], points=row["points"], customers=row["customers"]) for row in rows)


def _breakage(*, at: datetime) -> Breakage:
    """Count what became of lots whose end has come; what a refund took back was neither used nor left."""
    matured = Lot.objects.filter(expires_at__gt=at - YEAR, expires_at__lte=at, left=0)
    sums = matured.aggregate(ended=Sum("expired", default=0), customers=Count("account", distinct=True))
    moves = LotMove.objects.filter(lot__in=matured, entry__kind__in=(Entry.Kind.SPEND, Entry.Kind.RETURN))
    spent = -moves.aggregate(n=Sum("points", default=0))["n"]
    return Breakage(ended=sums["ended"], spent=spent, customers=sums["customers"])
