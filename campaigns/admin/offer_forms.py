"""Forms of an offer: amounts as people write them, conditions that exist, and what must fit together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer, OfferCondition, OfferMoney
from campaigns.terms import Kind
from retention import registry
from retention.money import to_decimal, to_minor

MOST = Decimal(1_000_000_000)


class OfferForm(forms.ModelForm):
    class Meta:
        model = Offer
        fields = (
            "name", "slug", "active", "kind", "percent", "first_order_only", "exclusive", "valid_days", "uses",
            "per_customer", "per_customer_period", "starts_on", "ends_on", "sale_goods", "priority", "prefix",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == Kind.PERCENTAGE and not data.get("percent"):
            self.add_error("percent", _("How many percent come off?"))
        if data.get("kind") != Kind.PERCENTAGE:
            data["percent"] = None
        return data


class MoneyForm(forms.ModelForm):
    amount = forms.DecimalField(label=_("amount off"), required=False, min_value=Decimal("0.01"), max_value=MOST)
    minimum = forms.DecimalField(label=_("goods worth at least"), required=False, min_value=Decimal(0), max_value=MOST)

    class Meta:
        model = OfferMoney
        fields = ("currency",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        for name, minor in (("amount", row.amount_minor), ("minimum", row.minimum_minor)):
            if minor is not None:
                self.initial[name] = to_decimal(minor, row.currency)

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if currency not in list_currencies():
            raise ValidationError(_("There is no such currency."))
        return currency

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        currency = data.get("currency")
        if currency:
            for name in ("amount", "minimum"):
                given = data.get(name)
                setattr(self.instance, f"{name}_minor", None if given is None else to_minor(given, currency))
        return data


class MoneyFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        kept = [row for row in rows if row.get("currency") and not row.get("DELETE")]
        if self.instance.kind == Kind.AMOUNT and (not kept or any(row.get("amount") is None for row in kept)):
            raise ValidationError(_("Say for each currency how much comes off."))


class ConditionForm(forms.ModelForm):
    class Meta:
        model = OfferCondition
        fields = ("name", "parameters")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {condition.name: condition.label for condition in registry.conditions}
        if self.instance.name:
            known.setdefault(self.instance.name, self.instance.name)  # its app may be away for a while
        self.fields["name"] = forms.ChoiceField(label=_("condition"), choices=[("", "---------"), *known.items()])
        self.fields["parameters"].help_text = "; ".join(
            f"{condition.label}: "
            + ", ".join(f'"{key}" ({field.label})' for key, field in condition.form.base_fields.items())
            for condition in registry.conditions
            if condition.form.base_fields
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        condition = registry.conditions.get(data.get("name", ""))
        if condition is None:
            return data
        try:
            data["parameters"] = condition.clean(data.get("parameters") or {})
        except ValidationError as error:
            self.add_error("parameters", error.messages)
        return data
