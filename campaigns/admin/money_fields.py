"""Currencies and amounts as people write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision, list_currencies
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retention.admin.base import widget
from retention.money import to_minor

MOST = Decimal(1_000_000_000)
TEXT = widget("UnfoldAdminTextInputWidget", forms.TextInput)
NUMBER = widget("UnfoldAdminDecimalFieldWidget", forms.NumberInput)


class CurrencyField(forms.CharField):
    """Cleans to an ISO code, in capitals however it was written."""

    def __init__(self, **given: Any) -> None:
        box = TEXT(attrs={"size": 4, "autocapitalize": "characters", "spellcheck": "false"})
        super().__init__(**{"label": _("currency"), "max_length": 3, "widget": box, **given})

    def clean(self, value: Any) -> str:
        currency: str = super().clean(value).upper()
        if currency and currency not in list_currencies():
            raise ValidationError(_("There is no such currency."))
        return currency


class AmountField(forms.DecimalField):
    """An amount of money, not more than a thousand million."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"max_value": MOST, "widget": NUMBER(attrs={"step": "any"}), **given})


def minor(amount: Decimal, currency: str) -> int:
    """Return an amount in minor units. Raises ValidationError where it is finer than the currency."""
    digits = get_currency_precision(currency)
    if amount != round(amount, digits):
        raise ValidationError(
            ngettext(
                "%(currency)s has no more than %(n)s digit after the point.",
                "%(currency)s has no more than %(n)s digits after the point.",
                digits,
            )
            % {"currency": currency, "n": digits}
        )
    return to_minor(amount, currency)
