"""What offers, segments and journeys may ask of who brings friends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import gettext_lazy, ngettext

from loyalty.models import Referral
from retention import registry
from retention.registry import Condition, Words


class ReferredForm(forms.Form):
    friends = forms.IntegerField(label=gettext_lazy("at least so many friends"), min_value=1, max_value=10_000)


class Referred(Condition):
    """So many friends whose orders have lasted."""

    name = "loyalty.referred_friends"
    label = gettext_lazy("has brought friends")
    form = ReferredForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        rewarded = Referral.objects.filter(referrer=OuterRef("pk"), state=Referral.State.REWARDED)
        count = rewarded.order_by().values("referrer").annotate(n=Count("pk")).values("n")
        return Q(GreaterThanOrEqual(Coalesce(Subquery(count), 0), self.read(parameters)["friends"]))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        friends = parameters.get("friends", "?")
        return ngettext(
            "Has not brought %(friends)s friend whose order lasted.",
            "Has not brought %(friends)s friends whose orders lasted.",
            friends if isinstance(friends, int) else 2,
        ) % {"friends": friends}

    def words(self, parameters: Mapping[str, Any]) -> str:
        friends = parameters.get("friends", "?")
        return ngettext(
            "has brought at least %(friends)s friend",
            "has brought at least %(friends)s friends",
            friends if isinstance(friends, int) else 2,
        ) % {"friends": friends}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        friends = parameters.get("friends", "?")
        return ngettext(
            "has not brought a friend",
            "has brought fewer than %(friends)s friends",
            friends if isinstance(friends, int) else 2,
        ) % {"friends": friends}


REFERRED = Referred()


def load() -> None:
    """Register the condition."""
    registry.conditions.add(REFERRED.name, REFERRED)
