"""Conditions on what somebody ordered. Orders that were cancelled or paid back in full do not count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Func, Q, Value
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import same_person
from retention.models import Order
from retention.money import show, to_minor
from retention.registry import Condition

MOST_DAYS = 36_500


class OrdersForm(forms.Form):
    at_least = forms.IntegerField(label=gettext_lazy("at least"), min_value=0, max_value=100_000)
    at_most = forms.IntegerField(label=gettext_lazy("at most"), min_value=0, max_value=100_000, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        least, most = data.get("at_least"), data.get("at_most")
        if least is not None and most is not None and most < least:
            self.add_error("at_most", _("That is fewer than at least."))
        return data


class Orders(Condition):
    name = "retention.orders"
    label = gettext_lazy("has ordered so many times")
    form = OrdersForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        given = self.read(parameters)
        where = Q(GreaterThanOrEqual(same_person.orders(), given["at_least"]))
        if given["at_most"] is not None:
            where &= Q(LessThanOrEqual(same_person.orders(), given["at_most"]))
        return where

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has ordered %(times)s") % {"times": self._times(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has not ordered %(times)s") % {"times": self._times(parameters)}

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        return parameters.get("at_least") == 0

    @staticmethod
    def _times(parameters: Mapping[str, Any]) -> str:
        least, most = parameters.get("at_least", "?"), parameters.get("at_most")
        count = next((n for n in (most, least) if isinstance(n, int)), 2)
        if most is None:
            return ngettext("at least %(n)s time", "at least %(n)s times", count) % {"n": least}
        if most == least:
            return ngettext("exactly %(n)s time", "exactly %(n)s times", count) % {"n": most}
        return ngettext("%(least)s to %(n)s time", "%(least)s to %(n)s times", count) % {"least": least, "n": most}


def _days(*, required: bool = True) -> forms.IntegerField:
    label = gettext_lazy("in the last so many days")
    return forms.IntegerField(label=label, min_value=1, max_value=MOST_DAYS, required=required)


class OrderedSinceForm(forms.Form):
    days = _days()


class OrderedSince(Condition):
    name = "retention.ordered_since"
    label = gettext_lazy("has ordered lately")
    form = OrderedSinceForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        since = at - timedelta(days=self.read(parameters)["days"])
        return same_person.any_row(Q(last_order_at__gt=since))

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has ordered%(lately)s") % {"lately": lately(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has not ordered%(lately)s") % {"lately": lately(parameters)}


class SpentForm(forms.Form):
    amount = forms.DecimalField(
        label=gettext_lazy("at least"), min_value=Decimal("0.01"), max_value=Decimal(1_000_000_000)
    )
    currency = forms.CharField(label=gettext_lazy("currency"), min_length=3, max_length=3)

    def clean_amount(self) -> str:
        return f"{self.cleaned_data['amount'].normalize():f}"

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if currency not in list_currencies():
            raise ValidationError(_("There is no such currency."))
        return currency


class Spent(Condition):
    """After discounts and refunds, in one currency; currencies are never added up."""

    name = "retention.spent"
    label = gettext_lazy("has spent")
    form = SpentForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        given = self.read(parameters)
        currency = given["currency"]
        return Q(GreaterThanOrEqual(same_person.spent(currency), to_minor(Decimal(given["amount"]), currency)))

    def words(self, parameters: Mapping[str, Any]) -> str:
        return _("has spent at least %(amount)s") % {"amount": self._amount(parameters)}

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        return _("has spent less than %(amount)s") % {"amount": self._amount(parameters)}

    def _amount(self, parameters: Mapping[str, Any]) -> str:
        try:
            given = self.read(parameters)
        except ValueError:
            return "?"
        return show(to_minor(Decimal(given["amount"]), given["currency"]), given["currency"])


class BoughtProductForm(forms.Form):
    product = forms.CharField(
        label=gettext_lazy("product"), max_length=128, help_text=gettext_lazy("Its number in the shop.")
    )
    days = _days(required=False)


class BoughtProduct(Condition):
    name = "retention.bought_product"
    label = gettext_lazy("has ordered a product")
    form = BoughtProductForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        given = self.read(parameters)
        return same_person.any_of(_since(given["days"], at).filter(lines__product=given["product"]))

    def words(self, parameters: Mapping[str, Any]) -> str:
        named = {"product": parameters.get("product", "?"), "lately": lately(parameters)}
        return _("has ordered product %(product)s%(lately)s") % named

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        named = {"product": parameters.get("product", "?"), "lately": lately(parameters)}
        return _("has not ordered product %(product)s%(lately)s") % named


class BoughtCategoryForm(forms.Form):
    category = forms.CharField(
        label=gettext_lazy("category"), max_length=255, help_text=gettext_lazy("As the shop calls it.")
    )
    days = _days(required=False)


class BoughtCategory(Condition):
    name = "retention.bought_category"
    label = gettext_lazy("has ordered from a category")
    form = BoughtCategoryForm

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        given = self.read(parameters)
        return same_person.any_of(_since(given["days"], at).filter(_Holds(F("lines__categories"), given["category"])))

    def words(self, parameters: Mapping[str, Any]) -> str:
        named = {"category": parameters.get("category", "?"), "lately": lately(parameters)}
        return _("has ordered from “%(category)s”%(lately)s") % named

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        named = {"category": parameters.get("category", "?"), "lately": lately(parameters)}
        return _("has not ordered from “%(category)s”%(lately)s") % named


class _Holds(Func):
    """Whether a list in JSON has a text; Django's own ``contains`` does not work on SQLite."""

    output_field = BooleanField()
    template = "(%(expressions)s::jsonb)"
    arg_joiner = " @> "

    def __init__(self, things: F, text: str) -> None:
        super().__init__(things, Value(json.dumps([text])))
        self.text = text

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        plain = self.copy()
        plain.set_source_expressions([self.source_expressions[0], Value(self.text)])
        template = "EXISTS (SELECT 1 FROM json_each(%(expressions)s)"
        return plain.as_sql(compiler, connection, template=template, arg_joiner=") WHERE value = ", **context)


def _since(days: int | None, at: datetime) -> Any:
    orders = Order.objects.counted()
    return orders if days is None else orders.filter(placed_at__gt=at - timedelta(days=days))


def lately(parameters: Mapping[str, Any]) -> str:
    """Return " in the last 30 days", empty where any time will do."""
    days = parameters.get("days")
    if days is None:
        return ""
    count = days if isinstance(days, int) else 2
    return ngettext(" in the last %(n)s day", " in the last %(n)s days", count) % {"n": days}


ORDERS, ORDERED_SINCE, SPENT = Orders(), OrderedSince(), Spent()
BOUGHT_PRODUCT, BOUGHT_CATEGORY = BoughtProduct(), BoughtCategory()
ALL = (ORDERS, ORDERED_SINCE, SPENT, BOUGHT_PRODUCT, BOUGHT_CATEGORY)
