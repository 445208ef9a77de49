"""What offers and journeys may ask of points and tiers, set-wise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.models import Account, Membership, Tier
from retention import registry
from retention.registry import Condition


def _in_tier(ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
    """Those in the named tier or above it."""
    tier = Tier.objects.filter(table__active=True, name__iexact=str(parameters["tier"]).strip()).first()
    if tier is None:
        return set()
    rows = Membership.objects.filter(
        customer__in=list(ids), tier__table=tier.table_id, tier__threshold_minor__gte=tier.threshold_minor
    )
    return set(rows.values_list("customer", flat=True))


def _has_points(ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
    rows = Account.objects.filter(customer__in=list(ids), balance__gte=int(parameters["points"]))
    return set(rows.values_list("customer", flat=True))


IN_TIER = Condition(
    name="loyalty.in_tier",
    label=_("stands in a tier, or above it"),
    matching=_in_tier,
    reason=lambda parameters: _("Does not stand in %(tier)s or above.") % {"tier": parameters.get("tier", "?")},
    fields={"tier": _("name of the tier")},
)

HAS_POINTS = Condition(
    name="loyalty.has_points",
    label=_("has points to spend"),
    matching=_has_points,
    reason=lambda parameters: _("Has fewer than %(points)s points.") % {"points": parameters.get("points", "?")},
    fields={"points": _("at least so many")},
)


def load() -> None:
    """Register the conditions of this app."""
    for condition in (IN_TIER, HAS_POINTS):
        registry.conditions.add(condition.name, condition)
