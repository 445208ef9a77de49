"""A tier table as plain data: what the database computes with, whether the table is saved or only written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from loyalty.models import Tier, TierTable
from loyalty.models.tier import Down, Metric, Term, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One tier. Amounts are minor units, orders or points, by the metric."""

    rank: int
    name: str
    threshold: int
    keep: int
    """At most ``threshold``."""
    tier: int | None = None
    """Its id; None: not saved yet."""

    @classmethod
    def of(cls, tier: Tier) -> Self:
        return cls(rank=tier.rank, name=tier.name, threshold=tier.threshold_minor, keep=tier.keeps, tier=tier.pk)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What counts, over which time, and how long a tier is kept."""

    metric: str = Metric.SPEND
    currency: str = ""
    window: str = Window.ROLLING
    window_days: int = 365
    term: str = Term.NONE
    term_days: int | None = None
    grace_days: int = 0
    down: str = Down.FIT
    rungs: tuple[Rung, ...] = ()
    """Lowest first."""

    @classmethod
    def of(cls, table: TierTable) -> Self:
        """Read a saved table: one query."""
        return cls(
            metric=table.metric,
            currency=table.currency if table.metric == Metric.SPEND else "",
            window=table.window,
            window_days=table.window_days,
            term=table.term,
            term_days=table.term_days,
            grace_days=table.grace_days,
            down=table.down,
            rungs=tuple(Rung.of(tier) for tier in table.tiers.order_by("rank")),
        )

    @property
    def looks_back(self) -> bool:
        """Whether what the last calendar year reached still counts in this one."""
        return self.window == Window.CALENDAR and self.term == Term.YEAR

    def without_ids_but(self, known: Collection[int]) -> Self:
        """Return the same rules where only tiers with these ids are saved ones."""
        rungs = tuple(rung if rung.tier in known else replace(rung, tier=None) for rung in self.rungs)
        return replace(self, rungs=rungs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        return cls(**{**given, "rungs": tuple(Rung(**rung) for rung in given["rungs"])})
