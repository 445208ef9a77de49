"""What offers, segments, journeys and the shop's own pages may ask of paying members."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.models import PaidTerm, Plan
from retention import registry, same_person
from retention.registry import Condition, Words


def _plans() -> list[tuple[str, str]]:
    names = Plan.objects.order_by("name").values_list("name", flat=True)
    return [("", str(gettext_lazy("any"))), *((name, name) for name in names)]


class PayingMemberForm(forms.Form):
    plan = forms.ChoiceField(label=gettext_lazy("paid membership"), choices=_plans, required=False)


class PayingMember(Condition):
    """Has a paid membership that runs now: for early access, for instance."""

    name = "loyalty.paying_member"
    label = gettext_lazy("is a paying member")
    form = PayingMemberForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        running = PaidTerm.objects.running(at=at)
        if plan := self.read(parameters)["plan"]:
            running = running.filter(plan__name=plan)
        return same_person.any_of(running)

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Is not a paying member of %(plan)s.") % {"plan": _named(parameters)}

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("is a paying member of %(plan)s") % {"plan": _named(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("is not a paying member of %(plan)s") % {"plan": _named(parameters)}


def _named(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("plan") or _("any plan"))


PAYING_MEMBER = PayingMember()


def load() -> None:
    """Register the condition."""
    registry.conditions.add(PAYING_MEMBER.name, PAYING_MEMBER)
