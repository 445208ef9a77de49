"""Bringing programme and tier table to what somebody wants, for who has no admin at hand. The same again changes
nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from loyalty.models import OrderAward, Programme, Tier, TierTable
from loyalty.models.tier import Metric
from loyalty.services import programmes, tables
from loyalty.services.tables import Rung


def programme(
    *, name: str, settings: Mapping[str, Any], rates: Sequence[tuple[str, Decimal, Decimal | None]], at: datetime
) -> Programme:
    """Let the active programme have these settings, or make one. ``rates``: currency, points per unit, worth.

    What is not among the settings stays as it is. Raises ValidationError, and nothing is changed then.
    """
    with transaction.atomic():
        found = Programme.objects.filter(active=True).first() or Programme(name=name, active=True)
        for field, value in settings.items():
            setattr(found, field, value)
        found.full_clean()
        found.save()
        for currency, points, worth in rates:
            if points <= 0:
                raise ValidationError("A rate of zero earns nothing. Give no rate for the currency instead.")
            programmes.set_rate(found, currency=currency, points=points, worth=worth, at=at)
    return found


def awarded_otherwise(wanted: Programme) -> int:
    """Return how many orders were awarded under other terms, which they keep."""
    rated = OrderAward.objects.filter(rate__isnull=False)
    alike = rated.filter(
        refund_policy=wanted.refund_policy, expires=wanted.expires, expires_after=wanted.expires_after,
        rate__programme=wanted, rate__superseded_at=None,
    )  # fmt: skip
    return rated.count() - alike.count()


def table(*, name: str, currency: str, window_days: int, rungs: Sequence[tuple[str, int]]) -> TierTable:
    """Put a table in force: tiers with their spend in minor units, the lowest first.

    One that says the same stays; else a new one takes the place of the one before, which is kept. Raises
    ValidationError, and nothing is changed then.
    """
    wanted = [Rung(rank=rank, name=tier, threshold_minor=minor) for rank, (tier, minor) in enumerate(rungs, start=1)]
    if found := tables.mistakes(wanted, currency=currency):
        raise ValidationError(found)
    with transaction.atomic():
        active = TierTable.objects.filter(active=True).first()
        fresh = TierTable(name=name, active=True, metric=Metric.SPEND, currency=currency, window_days=window_days)
        if active is not None and _same(active, fresh, rungs):
            return active
        if active is not None:
            TierTable.objects.filter(pk=active.pk).update(active=False)
        fresh.full_clean()
        fresh.save()
        tiers = [Tier(table=fresh, rank=rung.rank, name=rung.name, threshold_minor=rung.threshold_minor)
                 for rung in wanted]  # fmt: skip
        for tier in tiers:
            tier.full_clean()
        Tier.objects.bulk_create(tiers)
    return fresh


def _same(active: TierTable, fresh: TierTable, rungs: Sequence[tuple[str, int]]) -> bool:
    fields = [field.attname for field in TierTable._meta.concrete_fields]
    apart = {"id", "computed_at", "stale"}
    alike = all(getattr(active, field) == getattr(fresh, field) for field in fields if field not in apart)
    return alike and list(active.tiers.order_by("rank").values_list("name", "threshold_minor")) == list(rungs)
