"""The programme that is running and its rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import OrderAward, Programme, Rate
from loyalty.models.programme import Expires
from loyalty.services import ends
from loyalty.services.earning import Terms


@dataclass(frozen=True, kw_only=True)
class Running:
    """The active programme with all versions of its rates, read once for a batch."""

    programme: Programme
    rates: tuple[Rate, ...]
    """Oldest first."""

    def rate(self, currency: str, *, placed_at: datetime) -> Rate | None:
        """Return the rate in force when an order was placed; before the first version, the first. None: no rate."""
        found = None
        for rate in self.rates:
            if rate.currency == currency and (found is None or rate.starts_at <= placed_at):
                found = rate
        return found

    def terms(self, currency: str, *, placed_at: datetime) -> Terms | None:
        """Return what an order placed then is promised, None where its currency earns nothing."""
        rate = self.rate(currency, placed_at=placed_at)
        if rate is None:
            return None
        return Terms(currency=currency, points=rate.points, refund_policy=self.programme.refund_policy)


def running() -> Running | None:
    """Return the active programme, None without one. Two queries."""
    programme = Programme.objects.filter(active=True).first()
    if programme is None:
        return None
    rates = Rate.objects.filter(programme=programme).order_by("starts_at", "pk")
    return Running(programme=programme, rates=tuple(rates))


def end_of(opened: datetime) -> tuple[datetime | None, bool]:
    """Return when points that open then end by the active programme, None: never; and whether all others end then, too.

    One query.
    """
    programme = Programme.objects.filter(active=True).first()
    if programme is None:
        return None, False
    end = ends.of(programme.expires, programme.expires_after, opened=opened)
    return end, programme.expires == Expires.INACTIVE


def set_rate(
    programme: Programme, *, currency: str, points: Decimal, at: datetime, worth: Decimal | None = None
) -> Rate:
    """Let orders placed from ``at`` on earn ``points`` per unit of ``currency``. Returns the rate in force.

    The rate before it ends at ``at`` and keeps what it has awarded; one that has awarded nothing is rewritten.
    ``worth``: what a point is worth in units of the currency, None for not shown as money.
    """
    currency = currency.upper()
    with transaction.atomic():
        hold(Programme.objects.filter(pk=programme.pk))
        current = Rate.objects.current().filter(programme=programme, currency=currency).first()
        if current and (current.points, current.worth) == (points, worth):
            return current
        if current and not OrderAward.objects.filter(rate=current).exists():
            Rate.objects.filter(pk=current.pk).update(points=points, worth=worth)
            current.refresh_from_db()
            return current
        if current:
            at = max(at, current.starts_at)
            Rate.objects.filter(pk=current.pk, superseded_at=None).update(superseded_at=at)
        return Rate.objects.create(programme=programme, currency=currency, points=points, worth=worth, starts_at=at)
