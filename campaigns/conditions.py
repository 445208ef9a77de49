"""Conditions of who may use an offer; people count with all orders of their address, guests' too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retention import registry
from retention.models import Customer
from retention.registry import Condition, Words


def _same_person() -> QuerySet[Customer]:
    """Return the rows with the outer customer's address; somebody without an address is nobody else."""
    return Customer.objects.filter(address=OuterRef("address")).exclude(address="").order_by().values("address")


def orders() -> Coalesce:
    """Return the number of a customer's orders that count, as an expression over ``Customer``."""
    together = _same_person().annotate(n=Sum("orders_count")).values("n")
    return Coalesce(Subquery(together), F("orders_count"))


def last_order() -> Coalesce:
    """Return when a customer last ordered, as an expression over ``Customer``."""
    together = _same_person().annotate(at=Max("last_order_at")).values("at")
    return Coalesce(Subquery(together), F("last_order_at"))


def whole(parameters: Mapping[str, Any], name: str) -> int:
    """Return a parameter as a whole number from 1 on. Raises ValueError."""
    given = parameters.get(name)
    if isinstance(given, bool) or not str(given).isdecimal() or int(str(given)) < 1:
        raise ValueError(_("“%(name)s” must be a whole number from 1 on.") % {"name": name})
    return int(str(given))


class FirstOrder(Condition):
    name = "campaigns.first_order"
    label = _("the next order is the first one")

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return Q(Exact(orders(), 0))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("There is an order already.")


class NthOrderForm(forms.Form):
    n = forms.IntegerField(label=_("which order, counted from 1"), min_value=1, max_value=100_000)


class NthOrder(Condition):
    name = "campaigns.nth_order"
    label = _("the next order is the n-th one")
    form = NthOrderForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return Q(Exact(orders(), whole(parameters, "n") - 1))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return _("The next order is not number %(n)s.") % {"n": parameters.get("n", "?")}


class NotOrderedForForm(forms.Form):
    days = forms.IntegerField(label=_("days without an order"), min_value=1, max_value=36_500)


class NotOrderedFor(Condition):
    name = "campaigns.not_ordered_for"
    label = _("has ordered before, but not for some days")
    form = NotOrderedForForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        return Q(LessThanOrEqual(last_order(), at - timedelta(days=whole(parameters, "days"))))

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        return ngettext(
            "There is no order, or one in the last %(days)s day.",
            "There is no order, or one in the last %(days)s days.",
            int(parameters.get("days", 0)),
        ) % {"days": parameters.get("days", "?")}


FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR = FirstOrder(), NthOrder(), NotOrderedFor()


def load() -> None:
    """Register the conditions of this app."""
    for condition in (FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR):
        registry.conditions.add(condition.name, condition)
