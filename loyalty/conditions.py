"""What offers, segments and journeys may ask of points and tiers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import queries
from loyalty.models import Account, Membership, Tier
from retention import registry, same_person
from retention.registry import Condition, Words


def _tiers() -> list[tuple[str, str]]:
    names = Tier.objects.filter(table__active=True).order_by("threshold_minor", "pk").values_list("name", flat=True)
    return [(name, name) for name in names]


class TierField(forms.ChoiceField):
    """A tier of the table in force, by what it is called now, also where it was chosen under a name of before."""

    def to_python(self, value: Any) -> str:
        return queries.tier_called(super().to_python(value))

    def prepare_value(self, value: Any) -> Any:
        return queries.tier_called(value) if isinstance(value, str) else value


def _called(parameters: Mapping[str, Any]) -> str:
    return queries.tier_called(str(parameters.get("tier", "?")))


class InTierForm(forms.Form):
    tier = TierField(label=gettext_lazy("tier"), choices=_tiers)


class InTier(Condition):
    """In the named tier or above it."""

    name = "loyalty.in_tier"
    label = gettext_lazy("stands in a tier, or above it")
    form = InTierForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        name = str(parameters.get("tier", ""))
        named = Tier.objects.filter(table__active=True, table=OuterRef("tier__table")).called(name)
        above = Membership.objects.annotate(least=Subquery(named.values("threshold_minor")[:1]))
        return same_person.any_of(above.filter(tier__threshold_minor__gte=F("least")))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Does not stand in %(tier)s or above.") % {"tier": _called(parameters)}

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("stands in %(tier)s or above") % {"tier": _called(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("stands below %(tier)s, or nowhere") % {"tier": _called(parameters)}


class HasPointsForm(forms.Form):
    points = forms.IntegerField(label=gettext_lazy("at least so many"), min_value=1)


class HasPoints(Condition):
    """Can spend so many points now: pending ones are not open yet, those set aside for a reward are bespoken, and
    those of who has left the programme stand still."""

    name = "loyalty.has_points"
    label = gettext_lazy("has points to spend")
    form = HasPointsForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        least = self.read(parameters)["points"]
        return same_person.any_of(Account.objects.filter(balance__gte=F("held") + least, left_at=None))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Has fewer than %(points)s points.") % {"points": parameters.get("points", "?")}

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has at least %(points)s points to spend") % {"points": parameters.get("points", "?")}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has fewer than %(points)s points to spend") % {"points": parameters.get("points", "?")}


IN_TIER, HAS_POINTS = InTier(), HasPoints()


def load() -> None:
    """Register the conditions of this app."""
    for condition in (IN_TIER, HAS_POINTS):
        registry.conditions.add(condition.name, condition)
