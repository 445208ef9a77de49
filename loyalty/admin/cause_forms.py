"""Forms of causes: pledges, and what staff have paid."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.money_fields import AmountField, CurrencyField, minor
from loyalty.models import Cause, Payout, Pledge
from loyalty.services import causes, giving
from retention.money import show


class PledgeForm(forms.ModelForm):
    """A pledge from now on. It does not edit the one before it: that one ends."""

    currency = CurrencyField()
    amount = AmountField(label=gettext_lazy("for each order"), required=False, min_value=Decimal("0.001"))

    class Meta:
        model = Pledge
        fields = ("currency", "percent")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # in a table of rows the heading is not its label
            field.widget.attrs["aria-label"] = field.label

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        amount, percent, currency = data.get("amount"), data.get("percent"), data.get("currency")
        if self.errors or not currency:
            return data
        if (amount is None) == (percent is None):
            raise ValidationError(_("Give either an amount or a percentage, above zero."))
        if amount is not None:
            try:
                self.instance.amount_minor = minor(amount, currency)
            except ValidationError as error:
                self.add_error("amount", error)
        return data

    def validate_constraints(self) -> None:
        """A second pledge for a currency is no mistake here: it supersedes the first."""


class PledgeFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        given = [
            form.cleaned_data["currency"]
            for form in self.extra_forms
            if form.has_changed() and form.cleaned_data.get("currency")
        ]
        twice = sorted({currency for currency in given if given.count(currency) > 1})
        if twice:
            raise ValidationError(_("Two new pledges in %(names)s: give one.") % {"names": ", ".join(twice)})


class PayoutForm(forms.ModelForm):
    """What staff have paid. The database looks once more when it is saved."""

    currency = CurrencyField()
    amount = AmountField(label=gettext_lazy("amount"), min_value=Decimal("0.001"))
    first_month = forms.DateField(
        label=gettext_lazy("from the month of"), widget=AdminDateWidget, help_text=gettext_lazy("Any day of it.")
    )
    last_month = forms.DateField(
        label=gettext_lazy("to the month of"), widget=AdminDateWidget, help_text=gettext_lazy("Any day of it.")
    )
    form_key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=lambda: uuid.uuid4().hex)

    class Meta:
        model = Payout
        fields = ("cause", "note")

    def clean_first_month(self) -> date:
        return self._first(self.cleaned_data["first_month"])

    def clean_last_month(self) -> date:
        return self._first(self.cleaned_data["last_month"])

    @staticmethod
    def _first(day: date) -> date:
        return day.replace(day=1)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if data["last_month"] < data["first_month"]:
            self.add_error("last_month", _("The last month is before the first."))
        if data["first_month"] > giving.month_of(timezone.now()):
            self.add_error("first_month", _("This month has not begun."))
        try:
            data["minor"] = minor(data["amount"], data["currency"])
        except ValidationError as error:
            self.add_error("amount", error)
            return data
        cause: Cause = data["cause"]
        owed = causes.owed_of(cause, data["currency"])
        known = Payout.objects.filter(key=data["form_key"]).exists()
        if data["minor"] > owed and not known:
            self.add_error(
                "amount",
                _("No more than %(owed)s is owed to %(cause)s.")
                % {"owed": show(max(owed, 0), data["currency"]), "cause": cause.name},
            )
        return data
