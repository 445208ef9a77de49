"""What an offer says in each currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from campaigns.admin.money_fields import AmountField, CurrencyField, minor
from campaigns.models import OfferMoney
from campaigns.terms import Kind
from retention.admin.base import INLINE
from retention.money import to_decimal


class MoneyForm(forms.ModelForm):
    currency = CurrencyField(help_text=_("The first is the usual one. None at all: good in every currency."))
    amount = AmountField(
        label=_("amount off"), required=False, min_value=Decimal("0.001"), help_text=_("Only for an amount off.")
    )
    minimum = AmountField(
        label=_("goods worth at least"), required=False, min_value=Decimal(0), help_text=_("Empty: no minimum.")
    )

    class Meta:
        model = OfferMoney
        fields = ("currency",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        for name, stored in (("amount", row.amount_minor), ("minimum", row.minimum_minor)):
            if stored is not None:
                self.initial[name] = to_decimal(stored, row.currency)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        currency: str = data.get("currency") or ""
        for name in ("amount", "minimum") if currency else ():
            given = data.get(name)
            try:
                setattr(self.instance, f"{name}_minor", None if given is None else minor(given, currency))
            except ValidationError as error:
                self.add_error(name, error)
        return data


class MoneyFormSet(forms.BaseInlineFormSet):
    def get_unique_error_message(self, unique_check: Sequence[str]) -> Any:
        return _("A currency stands there twice: say each one once.")

    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        kept = [row for row in rows if row.get("currency") and not row.get("DELETE")]
        if self.instance.kind == Kind.AMOUNT and (not kept or any(row.get("amount") is None for row in kept)):
            raise ValidationError(_("Say for each currency how much comes off."))

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit=commit)
        if self.instance.kind != Kind.AMOUNT:
            # it would come back, unseen, with the next change of what the offer gives
            OfferMoney.objects.filter(offer=self.instance, amount_minor__isnull=False).update(amount_minor=None)
        return saved


class MoneyInline(INLINE):
    model = OfferMoney
    form = MoneyForm
    formset = MoneyFormSet
    fields = ("currency", "amount", "minimum")
    extra = 1
    verbose_name = _("currency")
    verbose_name_plural = _("Currencies, with what comes off and from which worth on")
