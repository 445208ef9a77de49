"""The form of an offer: what must fit together."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from campaigns.terms import Kind


class OfferForm(forms.ModelForm):
    class Meta:
        model = Offer
        fields = (
            "name", "slug", "active", "kind", "percent", "valid_days", "starts_on", "ends_on", "first_order_only",
            "uses", "per_customer", "per_customer_period", "sale_goods", "exclusive", "priority", "prefix",
        )  # fmt: skip
        help_texts = {
            "slug": _("Journeys name the offer by it, so it stays as it is once it is saved."),
            "kind": _("Amounts, minimums, goods, conditions and limits have tables of their own below."),
            "percent": _("Only for a percentage."),
            "uses": _("By the person who holds it."),
            "prefix": _("Codes begin with it, e.g. SPRING. Empty: just letters and digits by chance."),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") != Kind.PERCENTAGE:
            data["percent"] = None
        elif not data.get("percent") and "percent" not in self.errors:
            self.add_error("percent", _("How many percent come off?"))
        begins, ends = data.get("starts_on"), data.get("ends_on")
        if begins and ends and ends < begins:
            self.add_error("ends_on", _("It ends before it begins."))
        if not {"valid_days", "ends_on"} & self.errors.keys() and data.get("valid_days") is None and ends is None:
            self.add_error("valid_days", _("Say for how many days a coupon is good, or until which last day."))
        return data
