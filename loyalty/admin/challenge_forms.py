"""The form of a challenge: what must fit together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin.condition_field import ConditionField
from campaigns.admin.money_fields import AmountField, CurrencyField, minor
from loyalty.admin import moment_labels
from loyalty.models import Challenge
from loyalty.models.challenge import Goal, Span
from loyalty.models.gift import Gives
from loyalty.services import gift_plans
from retention.money import to_decimal


class ChallengeForm(forms.ModelForm):
    how_much = AmountField(
        label=gettext_lazy("how many, or how much"),
        min_value=Decimal("0.001"),
        help_text=gettext_lazy("Orders, products, or an amount in the currency below."),
    )
    currency = CurrencyField(required=False, help_text=gettext_lazy("Only for an amount."))
    who = ConditionField(
        label=gettext_lazy("for whom"),
        required=False,
        help_text=gettext_lazy("Asked when somebody begins. Nothing chosen: for everybody with an account."),
    )

    class Meta:
        model = Challenge
        fields = (
            "name", "words", "active", "goal", "currency", "starts_at", "ends_at", "span", "days", "return_days",
            "automatic", "most", "gives", "offer", "points",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        moment_labels.name(self, "starts_at", "ends_at")
        row = self.instance
        if "goal" not in self.fields:  # somebody takes part: only name, words and the switch
            for name in ("how_much", "currency", "who"):
                del self.fields[name]
        elif row.pk:
            amount = to_decimal(row.target, row.currency) if row.goal == Goal.AMOUNT else Decimal(row.target)
            self.initial["how_much"] = amount
        who: Any = self.fields.get("who")
        if who is not None:
            self.initial["who"] = who.stored(row.condition, row.parameters)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "goal" not in self.fields:
            return data
        self._clean_target(data)
        self._clean_time(data)
        self._clean_reward(data)
        if "who" in data:
            chosen = data["who"]
            self.instance.condition = chosen.name if chosen else ""
            self.instance.parameters = dict(chosen.parameters) if chosen else {}
        return data

    def _clean_target(self, data: dict[str, Any]) -> None:
        how_much, currency = data.get("how_much"), data.get("currency")
        if data.get("goal") != Goal.AMOUNT:
            data["currency"] = ""
            if how_much is not None and how_much != int(how_much):
                self.add_error("how_much", _("Give a whole number."))
            elif how_much is not None:
                self.instance.target = int(how_much)
        elif not currency:
            if "currency" not in self.errors:
                self.add_error("currency", _("In which currency?"))
        elif how_much is not None:
            try:
                self.instance.target = minor(how_much, currency)
            except ValidationError as error:
                self.add_error("how_much", error)

    def _clean_time(self, data: dict[str, Any]) -> None:
        begins, ends = data.get("starts_at"), data.get("ends_at")
        if begins and ends and ends <= begins:
            self.add_error("ends_at", _("It ends before it begins."))
        if data.get("span") == Span.FIXED:
            data["days"] = None
            if ends is None and "ends_at" not in self.errors:
                self.add_error("ends_at", _("When does it end?"))
        elif data.get("days") is None and "days" not in self.errors:
            self.add_error("days", _("How many days are there for it?"))
        if data.get("span") == Span.JOINED and data.get("automatic"):
            self.add_error("automatic", _("Days from joining need the button to join."))
        if ends and ends <= timezone.now() and data.get("active") and not self.instance.pk:
            self.add_error("ends_at", _("It is over already: give a time to come."))

    def _clean_reward(self, data: dict[str, Any]) -> None:
        if data.get("gives") == Gives.COUPON:
            data["points"] = None
            if data.get("offer") is None:
                self.add_error("offer", _("Say of which offer the coupon is."))
            elif data.get("active"):
                try:
                    gift_plans.check_offer(data["offer"], at=timezone.now())
                except gift_plans.OfferClosed:
                    self.add_error(
                        "offer", _("This offer is off, over, or for first orders: nobody would get its coupon.")
                    )
        else:
            data["offer"] = None
            if not data.get("points") and "points" not in self.errors:
                self.add_error("points", _("Say how many points."))
