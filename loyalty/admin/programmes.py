"""The programme and its rates."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import earning_words, queries, terms
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Programme, Rate
from loyalty.services import programmes
from retention.admin.base import INLINE


class RateForm(forms.ModelForm):
    """A rate from now on. It does not edit the one before it: that one ends."""

    class Meta:
        model = Rate
        fields = ("currency", "points", "worth")

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_points(self) -> Decimal:
        points: Decimal = self.cleaned_data["points"]
        if points <= 0:
            raise ValidationError(_("A rate of zero earns nothing. Give no rate for the currency instead."))
        return points

    def clean_worth(self) -> Decimal | None:
        worth: Decimal | None = self.cleaned_data["worth"]
        if worth is not None and worth <= 0:
            raise ValidationError(_("Leave it empty where points are not shown as money."))
        return worth

    def validate_constraints(self) -> None:
        """A second rate for a currency is no mistake here: it supersedes the first."""


class RateFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        given = [
            form.cleaned_data["currency"]
            for form in self.extra_forms
            if form.has_changed() and form.cleaned_data.get("currency")
        ]
        twice = sorted({currency for currency in given if given.count(currency) > 1})
        if twice:
            raise ValidationError(_("Two new rates for %(names)s: give one.") % {"names": ", ".join(twice)})


class RateInline(INLINE):
    model = Rate
    form = RateForm
    formset = RateFormSet
    extra = 1
    can_delete = False
    fields = ("currency", "points", "worth", "starts_at", "superseded_at")
    readonly_fields = ("starts_at", "superseded_at")
    ordering = ("superseded_at", "currency", "starts_at")
    verbose_name_plural = gettext_lazy("rates: a new one takes the place of the one before it, for orders from now on")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Programme)
class ProgrammeAdmin(ConfirmedAdmin):
    list_display = ("name", "active", "pending_days", "refund_policy", "debt_policy")
    fields = (
        "name", "active", "basis", "spent_counts", "pending_days", "pending_from", "refund_policy", "debt_policy",
        "expires", "expires_after", "cap_day", "cap_month", "cap_total", "cap_orders", "shown_as", "award_history",
        "history_spends", "more", "does",
    )  # fmt: skip
    readonly_fields = ("more", "does")
    inlines = (RateInline,)
    ordering = ("-active", "name")

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, programme: Programme) -> str:
        if programme.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(programme)))

    def consequences(self, saved: Programme) -> Iterable[str]:
        if not saved.active:
            yield _("It is not active: orders earn nothing by it, and points that were earned stay.")
            yield from _outstanding()
        rates = list(Rate.objects.current().filter(programme=saved).order_by("pk"))
        yield from terms.for_staff(saved, rates)
        yield from earning_words.for_staff(saved, rates)
        yield _("Orders that have been awarded keep the terms they were awarded under.")

    @admin.display(description=gettext_lazy("rules, actions"))
    def more(self, programme: Programme) -> str:
        """Links to what else belongs to it."""
        if programme.pk is None:
            return "–"
        places = (
            ("earningrule", gettext_lazy("earning rules"), programme.rules),
            ("actionrule", gettext_lazy("points for actions"), programme.action_rules),
        )
        rows = [
            (
                reverse(f"admin:retention_loyalty_{model}_changelist") + f"?programme__id__exact={programme.pk}",
                label,
                found.filter(superseded_at=None).count(),
            )
            for model, label, found in places
        ]
        return format_html_join(", ", '<a href="{}">{}</a>: {}', rows)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Set new rates through the service: what has awarded is superseded, never edited."""
        for rate in formset.save(commit=False):
            programmes.set_rate(
                form.instance, currency=rate.currency, points=rate.points, worth=rate.worth, at=timezone.now()
            )


def _outstanding() -> Iterable[str]:
    """Yield what becomes of the points that members hold while no programme is active."""
    people, balance, pending = queries.outstanding()
    if not people or Programme.objects.filter(active=True).exists():
        return
    words = {"people": people, "balance": balance, "pending": pending}
    yield (
        ngettext(
            "%(people)s member holds %(balance)s points to spend, and %(pending)s pending ones.",
            "%(people)s members hold %(balance)s points to spend, and %(pending)s pending ones.",
            people,
        )
        % words
    )
    yield _(
        "None of them is lost: pending points still open, refunds still take back what they earned, and none of them "
        "ends while no programme is active. New orders, rules and actions earn nothing."
    )
