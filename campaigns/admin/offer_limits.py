"""Limits of an offer: typed as people write them, saved by the service that counts what is taken."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import limit_words
from campaigns.admin.money_fields import AmountField, CurrencyField, minor
from campaigns.models import OfferLimit
from campaigns.services import limits
from campaigns.services.limits import Cap
from retention.admin.base import INLINE
from retention.money import to_decimal

Measure = OfferLimit.Measure


class LimitForm(forms.ModelForm):
    currency = CurrencyField(required=False, help_text=_("Of a discount; uses have none."))
    most = AmountField(label=_("at most"), min_value=Decimal(0), help_text=_("Uses, or an amount of money."))

    class Meta:
        model = OfferLimit
        fields = ("measure", "most", "currency", "period")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if row.pk:
            self.initial["most"] = to_decimal(row.most, row.currency) if row.currency else row.most

    def clean(self) -> dict[str, Any]:
        """Return the most in what is stored: uses, or minor units."""
        data = super().clean() or {}
        measure, currency, most = data.get("measure"), data.get("currency"), data.get("most")
        if measure == Measure.USES and currency:
            self.add_error("currency", _("Uses are counted, whatever the currency: leave it empty."))
        elif measure == Measure.DISCOUNT and currency == "":
            self.add_error("currency", _("A discount is counted in one currency: which?"))
        elif measure and currency is not None and most is not None:
            try:
                data["most"] = minor(most, currency) if currency else _whole(most)
            except ValidationError as error:
                self.add_error("most", error)
        return data


def _whole(uses: Decimal) -> int:
    if uses != int(uses):
        raise ValidationError(_("Uses are whole numbers."))
    return int(uses)


class LimitFormSet(forms.BaseInlineFormSet):
    """Looks up once what is taken of each limit."""

    def get_queryset(self) -> Any:
        fresh = not hasattr(self, "_queryset")
        rows = super().get_queryset()
        if fresh:
            taken = limits.taken(list(rows), at=timezone.now())
            for row in rows:
                row.taken = taken[row.pk]
        return rows

    def get_unique_error_message(self, unique_check: Sequence[str]) -> Any:
        return _("The same limit stands there twice.")

    def save(self, commit: bool = True) -> list[Any]:
        """Let the offer have these limits, where any was changed."""
        self.new_objects: list[Any] = [form.instance for form in self.extra_forms if self._is_new(form)]
        self.changed_objects: list[Any] = [
            (form.instance, form.changed_data)
            for form in self.initial_forms
            if form.has_changed() and form not in self.deleted_forms
        ]
        self.deleted_objects: list[Any] = [form.instance for form in self.deleted_forms if form.instance.pk]
        changed = [*self.new_objects, *(row for row, _names in self.changed_objects)]
        if changed or self.deleted_objects:
            limits.set_to(self.instance, self._caps(), at=timezone.now())
        return changed

    def _caps(self) -> list[Cap]:
        here = {form.instance.pk: form for form in self.initial_forms}
        # one that somebody else has added since the page was loaded stays
        others = OfferLimit.objects.filter(offer=self.instance).exclude(pk__in=here)
        kept = [form.instance for form in self.initial_forms if form not in self.deleted_forms]
        return [
            Cap(measure=row.measure, period=row.period, currency=row.currency, most=row.most)
            for row in [*others, *kept, *self.new_objects]
        ]

    def _is_new(self, form: Any) -> bool:
        return form.has_changed() and form not in self.deleted_forms


class LimitInline(INLINE):
    model = OfferLimit
    form = LimitForm
    formset = LimitFormSet
    fields = ("measure", "most", "currency", "period", "taken")
    readonly_fields = ("taken",)
    extra = 1
    verbose_name = _("limit")
    verbose_name_plural = _("Limits over all coupons and people, coupons that are out included")

    @admin.display(description=_("taken in this period"))
    def taken(self, limit: OfferLimit) -> str:
        return limit_words.amount(limit, getattr(limit, "taken", 0)) if limit.pk else ""
