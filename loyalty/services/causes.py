"""Pledges to causes, what is owed to them, and what was paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from loyalty.locks import hold
from loyalty.models import Cause, Contribution, Donation, Payout, Pledge

MonthKey = tuple[date, int, str]
"""First day of the month, cause, currency."""


class NothingPledged(Exception):
    """Neither an amount nor a percentage, or both, or nothing above zero."""


class MoreThanOwed(Exception):
    """A payout of more than orders and points have given and nobody has paid yet."""

    def __init__(self, owed_minor: int) -> None:
        super().__init__(f"{owed_minor} are owed")
        self.owed_minor = owed_minor


class KeyReused(Exception):
    """The form was sent before with another sum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """One cause in one currency. Minor units."""

    cause: Cause
    currency: str
    given_minor: int
    paid_minor: int

    @property
    def owed_minor(self) -> int:
        """Below zero where orders were cancelled after they had been paid out: the next ones make up for it."""
        return self.given_minor - self.paid_minor


@dataclass(frozen=True, kw_only=True, slots=True)
class Month:
    """What orders and points of one month give to one cause in one currency, minor units."""

    cause: Cause
    currency: str
    month: date
    orders: int
    donations: int
    """Of points."""
    given_minor: int


def pledge(
    cause: Cause, *, currency: str, at: datetime, amount_minor: int | None = None, percent: Decimal | None = None
) -> Pledge:
    """Let orders placed from ``at`` on give so much. Returns the pledge in force; the one before it ends.

    Raises NothingPledged.
    """
    if (amount_minor is None) == (percent is None) or (amount_minor or percent or 0) <= 0 or (percent or 0) > 100:
        raise NothingPledged
    with transaction.atomic():
        hold(Cause.objects.filter(pk=cause.pk))
        current = Pledge.objects.current().filter(cause=cause, currency=currency).first()
        if current is not None:
            if (current.amount_minor, current.percent) == (amount_minor, percent):
                return current
            at = max(at, current.starts_at)
            Pledge.objects.filter(pk=current.pk, ends_at=None).update(ends_at=at)
        return Pledge.objects.create(
            cause=cause, currency=currency, amount_minor=amount_minor, percent=percent, starts_at=at
        )


def end(cause: Cause, *, at: datetime) -> int:
    """Let orders placed from ``at`` on give nothing to it any more. Returns how many pledges ended."""
    with transaction.atomic():
        hold(Cause.objects.filter(pk=cause.pk))
        return Pledge.objects.current().filter(cause=cause, starts_at__lte=at).update(ends_at=at)


def owed() -> list[Owed]:
    """Return what is owed to each cause in each currency. Four queries."""
    causes = Cause.objects.in_bulk()
    given = _given(Q())
    paid = _sums(Payout.objects.all())
    keys = sorted({*given, *paid}, key=lambda key: (causes[key[0]].name, key[1]))
    return [
        Owed(cause=causes[key[0]], currency=key[1], given_minor=given.get(key, 0), paid_minor=paid.get(key, 0))
        for key in keys
    ]


def owed_of(cause: Cause, currency: str) -> int:
    """Return what is owed to one cause in one currency, minor units; below zero where too much was paid."""
    of_cause = {"cause": cause, "currency": currency}
    given = _given(Q(**of_cause)).get((cause.pk, currency), 0)
    return given - _sums(Payout.objects.filter(**of_cause)).get((cause.pk, currency), 0)


def months() -> Iterator[Month]:
    """Yield what each month's orders and points give, the latest first, cause by cause."""
    causes = Cause.objects.in_bulk()
    orders, by_orders = _by_month(Contribution.objects.all())
    donations, by_points = _by_month(Donation.objects.all())
    sums = by_orders + by_points
    for key in sorted(sums, key=lambda key: (-key[0].toordinal(), causes[key[1]].name, key[2])):
        month, cause, currency = key
        yield Month(
            cause=causes[cause], currency=currency, month=month, orders=orders[key], donations=donations[key],
            given_minor=sums[key],
        )  # fmt: skip


def totals(causes: list[int]) -> dict[int, dict[str, int]]:
    """Return cause → currency → what all orders and points give, minor units. Two queries."""
    found: dict[int, dict[str, int]] = {}
    for (cause, currency), minor in sorted(_given(Q(cause__in=causes)).items()):
        if minor:
            found.setdefault(cause, {})[currency] = minor
    return found


def pay_out(
    cause: Cause,
    *,
    currency: str,
    amount_minor: int,
    first_month: date,
    last_month: date,
    by: str,
    key: str,
    at: datetime,
    note: str = "",
) -> Payout:
    """Record that staff have paid a sum to a cause. The same ``key`` again returns the payout of the first time.

    Raises MoreThanOwed, KeyReused, ValueError for months in the wrong order or nothing to pay.
    """
    if amount_minor < 1 or last_month < first_month:
        raise ValueError("nothing to pay, or months in the wrong order")
    with transaction.atomic():
        hold(Cause.objects.filter(pk=cause.pk))  # two of staff at once do not both pay what is owed
        before = Payout.objects.filter(key=key).first()
        if before is not None:
            if (before.cause_id, before.currency, before.amount_minor) != (cause.pk, currency, amount_minor):
                raise KeyReused
            return before
        left = owed_of(cause, currency)
        if amount_minor > left:
            raise MoreThanOwed(left)
        return Payout.objects.create(
            cause=cause, currency=currency, amount_minor=amount_minor, first_month=first_month,
            last_month=last_month, by=by[:150], key=key[:64], note=note[:200], at=at,
        )  # fmt: skip


def _given(which: Q) -> Counter[tuple[int, str]]:
    """Return (cause, currency) → what orders and points give, minor units. Two queries."""
    given = Counter(_sums(Contribution.objects.filter(which)))
    given.update(_sums(Donation.objects.filter(which)))
    return given


def _by_month(rows: QuerySet[Any]) -> tuple[Counter[MonthKey], Counter[MonthKey]]:
    """Return month, cause and currency → how many rows gave anything, and what they gave in minor units."""
    number: Counter[MonthKey] = Counter()
    total: Counter[MonthKey] = Counter()
    groups = rows.filter(amount_minor__gt=0).order_by().values_list("month", "cause", "currency")
    for month, cause, currency, n, minor in groups.annotate(n=Count("pk"), total=Sum("amount_minor")):
        number[month, cause, currency], total[month, cause, currency] = n, minor
    return number, total


def _sums(rows: QuerySet[Any]) -> dict[tuple[int, str], int]:
    """Return (cause, currency) → sum in minor units."""
    sums = rows.order_by().values_list("cause", "currency").annotate(total=Sum("amount_minor"))
    return {(cause, currency): total for cause, currency, total in sums}
