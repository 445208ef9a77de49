"""Forms of costs: one by hand, many by a file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from campaigns import cost_file
from campaigns.admin.money_fields import AmountField, CurrencyField, minor
from campaigns.models import ProductCost
from retention.admin import uploads
from retention.money import to_decimal

MOST_BYTES = 10 * 1024 * 1024


class CostForm(forms.ModelForm):
    currency = CurrencyField()
    cost = AmountField(label=_("cost of one piece"), min_value=Decimal(0))

    class Meta:
        model = ProductCost
        fields = ("product", "currency")
        help_texts = {"product": _("As the shop names it; in Oscar the product’s number.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["cost"] = to_decimal(self.instance.cost_minor, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("currency") and data.get("cost") is not None:
            try:
                self.instance.cost_minor = minor(data["cost"], data["currency"])
            except ValidationError as error:
                self.add_error("cost", error)
        return data


class UploadForm(forms.Form):
    file = uploads.csv_field(
        _(
            "With the columns “product” (the shop’s reference), “currency” and “cost” (of one piece, e.g. 12.50 or "
            "12,50), with commas or semicolons, in UTF-8."
        )
    )

    def clean_file(self) -> cost_file.Reading:
        return uploads.read(self.cleaned_data["file"], cost_file.read, most_bytes=MOST_BYTES)
