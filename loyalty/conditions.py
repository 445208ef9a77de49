"""What offers, segments and journeys may ask of points and tiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models import Account, Membership, Tier
from retention import registry
from retention.registry import Condition, Words


class InTierForm(forms.Form):
    tier = forms.CharField(label=_("name of the tier"), max_length=100)


class InTier(Condition):
    """In the named tier or above it."""

    name = "loyalty.in_tier"
    label = _("stands in a tier, or above it")
    form = InTierForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        tier = Tier.objects.filter(table__active=True, name__iexact=str(parameters["tier"]).strip()).first()
        if tier is None:
            return Q(pk__in=[])
        above = Membership.objects.filter(tier__table=tier.table_id, tier__threshold_minor__gte=tier.threshold_minor)
        return Q(pk__in=above.values("customer"))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Does not stand in %(tier)s or above.") % {"tier": parameters.get("tier", "?")}


class HasPointsForm(forms.Form):
    points = forms.IntegerField(label=_("at least so many"), min_value=1)


class HasPoints(Condition):
    name = "loyalty.has_points"
    label = _("has points to spend")
    form = HasPointsForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return Q(pk__in=Account.objects.filter(balance__gte=int(parameters["points"])).values("customer"))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Has fewer than %(points)s points.") % {"points": parameters.get("points", "?")}


IN_TIER, HAS_POINTS = InTier(), HasPoints()


def load() -> None:
    """Register the conditions of this app."""
    for condition in (IN_TIER, HAS_POINTS):
        registry.conditions.add(condition.name, condition)
