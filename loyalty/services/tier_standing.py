"""Where one customer stands, for the pages that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from loyalty import queries
from loyalty.models import Tier, TierBenefit, TierTable
from loyalty.models.tier_benefit import BenefitKind
from loyalty.services import tier_fit, tier_keeping
from loyalty.services.tier_fit import Some
from loyalty.services.tier_keeping import Keeping
from loyalty.services.tier_rules import Rules
from retention.models import Customer

ONE = "SELECT minor FROM fit"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one customer stands. Amounts are minor units of ``currency``, orders or points, by ``metric``."""

    tier: Tier | None
    since: datetime | None
    qualified_minor: int
    metric: str
    currency: str
    window: str
    window_days: int
    next_tier: Tier | None
    missing_minor: int
    keeping: Keeping | None = None
    """What keeps the tier; None where it is not about to be lost."""
    benefits: tuple[TierBenefit, ...] = field(default=())
    """What the tier gives now."""

    reached: tuple[str, ...] = ()
    """Names of the tier and those below it, lowest first."""

    @property
    def early_access(self) -> bool:
        return any(benefit.kind == BenefitKind.EARLY for benefit in self.benefits)

    @property
    def percent(self) -> int:
        """How far the next tier is reached; 100 at the top."""
        if self.next_tier is None or self.next_tier.threshold_minor == 0:
            return 100
        return max(0, min(99, self.qualified_minor * 100 // self.next_tier.threshold_minor))


def of(customer: Customer, table: TierTable, *, at: datetime) -> Standing:
    """Return where a customer stands by a table: what counts is computed now, the tier is the one that was given."""
    rules = Rules.of(table)
    held = queries.membership(customer)
    qualified = _qualified(customer, rules, at=at)
    rank = held.tier.rank if held and held.tier else 0
    ladder = queries.ladder(table)
    above = next((tier for tier in ladder if tier.rank > rank and tier.threshold_minor > qualified), None)
    return Standing(
        tier=held.tier if held else None,
        since=held.since if held else None,
        qualified_minor=qualified,
        metric=table.metric,
        currency=table.currency,
        window=table.window,
        window_days=table.window_days,
        next_tier=above,
        missing_minor=above.threshold_minor - qualified if above else 0,
        keeping=tier_keeping.of(customer.pk, table, rules, at=at) if held else None,
        reached=tuple(tier.name for tier in ladder if tier.rank <= rank),
        benefits=tuple(queries.benefits(held.tier)) if held and held.tier else (),
    )


def _qualified(customer: Customer, rules: Rules, *, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(*tier_fit.statement(ONE, rules, at=at, some=Some(ids=[customer.pk])))
        row = cursor.fetchone()
    return int(row[0]) if row else 0
