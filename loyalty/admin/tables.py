"""The tier table and its tiers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import queries
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Tier, TierTable
from loyalty.services import tables, tiers
from loyalty.services.tables import Rung
from retention.admin.base import INLINE
from retention.money import show, to_decimal, to_minor


class TierForm(forms.ModelForm):
    """A tier with its threshold in units of the table's currency."""

    threshold = forms.DecimalField(label=gettext_lazy("from a spend of"), min_value=0, max_digits=14, decimal_places=3)

    class Meta:
        model = Tier
        fields = ("rank", "name")

    def __init__(self, *args: Any, currency: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        if self.instance.pk:
            self.initial["threshold"] = to_decimal(self.instance.threshold_minor, currency)

    def clean_threshold(self) -> Decimal:
        threshold: Decimal = self.cleaned_data["threshold"]
        self.instance.threshold_minor = to_minor(threshold, self.currency)
        return threshold


class TierFormSet(forms.BaseInlineFormSet):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "currency": self.instance.currency}

    def clean(self) -> None:
        """Look at the whole table: order, gaps, doubles."""
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        rungs = [
            Rung(
                rank=form.cleaned_data["rank"],
                name=form.cleaned_data["name"],
                threshold_minor=form.instance.threshold_minor,
            )
            for form in kept
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        found = tables.mistakes(rungs, currency=self.instance.currency)
        if found:
            raise ValidationError(found)


class TierInline(INLINE):
    model = Tier
    form = TierForm
    formset = TierFormSet
    extra = 3
    fields = ("rank", "name", "threshold")
    ordering = ("rank",)


@admin.register(TierTable)
class TierTableAdmin(ConfirmedAdmin):
    list_display = ("name", "active", "currency", "window_days", "computed_at")
    fields = ("name", "active", "currency", "window_days", "does")
    readonly_fields = ("does",)
    inlines = (TierInline,)
    ordering = ("-active", "name")

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, table: TierTable) -> str:
        if table.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(table)))

    def consequences(self, saved: TierTable) -> Iterable[str]:
        if not saved.active:
            yield _("It is not active: nobody is moved by it.")
        fit = tiers.count_fit(saved, at=timezone.now())
        everybody = sum(fit.values())
        for tier in queries.ladder(saved):
            yield ngettext(
                "A customer who spends %(amount)s in %(days)s day becomes %(tier)s; "
                "today that is %(count)s of %(all)s.",
                "A customer who spends %(amount)s in %(days)s days becomes %(tier)s; "
                "today that is %(count)s of %(all)s.",
                saved.window_days,
            ) % {
                "amount": show(tier.threshold_minor, saved.currency),
                "days": saved.window_days,
                "tier": tier.name,
                "count": fit.get(tier.pk, 0),
                "all": everybody,
            }
        yield _("Refunds count against, cancelled orders and other currencies do not count.")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        TierTable.objects.filter(pk=form.instance.pk).update(stale=True)
