"""The programme that is running and its rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists

from loyalty.locks import hold
from loyalty.models import EarningRule, OrderAward, PaidTerm, Programme, Rate, TierBenefit
from loyalty.models.programme import Expires
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import ends
from loyalty.services.earning import Terms
from retention.models import Order

EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Running:
    """The active programme with all versions of its rates and rules, read once for a batch."""

    programme: Programme
    rates: tuple[Rate, ...]
    """Oldest first."""
    rules: tuple[EarningRule, ...] = ()
    """Every version, the first first."""
    multiplies: bool = False
    """Whether a tier or a paid membership multiplies points."""

    @property
    def capped(self) -> bool:
        """Whether a limit holds for anything that orders earn."""
        programme = self.programme
        return any(cap is not None for cap in (programme.cap_day, programme.cap_month, programme.cap_total))

    def rate(self, currency: str, *, placed_at: datetime) -> Rate | None:
        """Return the rate in force when an order was placed; before the first version, the first. None: no rate."""
        found = None
        for rate in self.rates:
            if rate.currency == currency and (found is None or rate.starts_at <= placed_at):
                found = rate
        return found

    @property
    def begins(self) -> datetime:
        """Return from when on orders earn, unless old ones do, too: when the programme had its first rate."""
        return min((rate.starts_at for rate in self.rates), default=EVER)

    @property
    def worth(self) -> list[Rate]:
        """Return the rates in force that say what a point is worth."""
        return [rate for rate in self.rates if rate.superseded_at is None and rate.worth is not None]

    def terms(self, currency: str, *, placed_at: datetime) -> Terms | None:
        """Return what an order placed then is promised, None where its currency earns nothing."""
        rate = self.rate(currency, placed_at=placed_at)
        if rate is None:
            return None
        return Terms(currency=currency, points=rate.points, refund_policy=self.programme.refund_policy)


def running() -> Running | None:
    """Return the active programme, None without one. Three queries."""
    of_tier = TierBenefit.objects.filter(kind=BenefitKind.MULTIPLIER, active=True, tier__table__active=True)
    paid = PaidTerm.objects.filter(multiplier__gt=1)
    found = Programme.objects.filter(active=True).annotate(multiplies=Exists(of_tier) | Exists(paid)).first()
    if found is None:
        return None
    programme: Programme = found
    rates = programme.rates.order_by("starts_at", "pk")  # they know their programme without asking
    rules = EarningRule.objects.of(programme).order_by("pk")
    return Running(programme=programme, rates=tuple(rates), rules=tuple(rules), multiplies=found.multiplies)


def end_of(opened: datetime) -> tuple[datetime | None, bool]:
    """Return when points that open then end by the active programme, None: never; and whether all others end then, too.

    One query.
    """
    programme = Programme.objects.filter(active=True).first()
    if programme is None:
        return None, False
    end = ends.of(programme.expires, programme.expires_after, opened=opened)
    return end, programme.expires == Expires.INACTIVE


def _has_promised(rate: Rate) -> bool:
    """Whether an order was placed under a rate: one that is paid later was promised its points, too."""
    if OrderAward.objects.filter(rate=rate).exists():
        return True
    return Order.objects.filter(currency=rate.currency, placed_at__gte=rate.starts_at, history=False).exists()


def set_rate(
    programme: Programme, *, currency: str, points: Decimal, at: datetime, worth: Decimal | None = None
) -> Rate:
    """Let orders placed from ``at`` on earn ``points`` per unit of ``currency``. Returns the rate in force.

    The rate before it ends at ``at`` and keeps what it has awarded; one under which nobody has ordered is rewritten.
    ``worth``: what a point is worth in units of the currency, None for not shown as money.
    """
    currency = currency.upper()
    with transaction.atomic():
        hold(Programme.objects.filter(pk=programme.pk))
        current = Rate.objects.current().filter(programme=programme, currency=currency).first()
        if current and (current.points, current.worth) == (points, worth):
            return current
        if current and not _has_promised(current):
            Rate.objects.filter(pk=current.pk).update(points=points, worth=worth)
            current.refresh_from_db()
            return current
        if current:
            at = max(at, current.starts_at)
            Rate.objects.filter(pk=current.pk, superseded_at=None).update(superseded_at=at)
        return Rate.objects.create(programme=programme, currency=currency, points=points, worth=worth, starts_at=at)
