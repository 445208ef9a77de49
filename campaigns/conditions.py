"""Conditions of who may use an offer; people count with all orders of their address, guests' too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import coupon_conditions
from campaigns.models import Segment
from campaigns.services import segment_book, segments
from retention import registry, same_person
from retention.registry import Condition, Words


class FirstOrder(Condition):
    name = "campaigns.first_order"
    label = gettext_lazy("the next order is the first one")

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return ~same_person.any_row(Q(orders_count__gt=0))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("There is an order already.")

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has not ordered yet")

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has ordered before")

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return True


class NthOrderForm(forms.Form):
    n = forms.IntegerField(label=gettext_lazy("which order, counted from 1"), min_value=1, max_value=100_000)


class NthOrder(Condition):
    name = "campaigns.nth_order"
    label = gettext_lazy("the next order is the n-th one")
    form = NthOrderForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return Q(Exact(same_person.orders(), self.read(parameters)["n"] - 1))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("The next order is not number %(n)s.") % {"n": parameters.get("n", "?")}

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("is about to place order number %(n)s") % {"n": parameters.get("n", "?")}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("is not about to place order number %(n)s") % {"n": parameters.get("n", "?")}

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return str(parameters.get("n")) == "1"


class NotOrderedForForm(forms.Form):
    days = forms.IntegerField(label=gettext_lazy("days without an order"), min_value=1, max_value=36_500)


class NotOrderedFor(Condition):
    name = "campaigns.not_ordered_for"
    label = gettext_lazy("has ordered before, but not for some days")
    form = NotOrderedForForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        since = at - timedelta(days=self.read(parameters)["days"])
        ever = same_person.any_row(Q(last_order_at__isnull=False))
        return ever & ~same_person.any_row(Q(last_order_at__gt=since))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        days = parameters.get("days", "?")
        return ngettext(
            "There is no order, or one in the last %(days)s day.",
            "There is no order, or one in the last %(days)s days.",
            days if isinstance(days, int) else 2,
        ) % {"days": days}

    def words(self, parameters: Mapping[str, Any]) -> str:
        days = parameters.get("days", "?")
        return ngettext(
            "ordered last at least %(days)s day ago",
            "ordered last at least %(days)s days ago",
            days if isinstance(days, int) else 2,
        ) % {"days": days}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        days = parameters.get("days", "?")
        return ngettext(
            "has ordered in the last %(days)s day or never",
            "has ordered in the last %(days)s days or never",
            days if isinstance(days, int) else 2,
        ) % {"days": days}


def _segments() -> list[tuple[str, str]]:
    return list(Segment.objects.order_by("name", "slug").values_list("slug", "name"))


class InSegmentForm(forms.Form):
    segment = forms.ChoiceField(label=gettext_lazy("segment"), choices=_segments)


class InSegment(Condition):
    name = segment_book.IN_SEGMENT
    label = gettext_lazy("is in a segment")
    form = InSegmentForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return segments.where(str(parameters.get("segment", "")), at)

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return segments.meaning(str(parameters.get("segment", "")), at=at).newcomer

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("Is not in the segment “%(segment)s”.") % {"segment": parameters.get("segment", "?")}

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("is in the segment “%(segment)s”") % {"segment": parameters.get("segment", "?")}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("is not in the segment “%(segment)s”") % {"segment": parameters.get("segment", "?")}


FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR, IN_SEGMENT = FirstOrder(), NthOrder(), NotOrderedFor(), InSegment()


def load() -> None:
    """Register the conditions of this app."""
    for condition in (FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR, IN_SEGMENT, *coupon_conditions.ALL):
        registry.conditions.add(condition.name, condition)
