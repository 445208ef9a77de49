"""The tier table and its tiers: said in words, and tried on the real customers, before it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import table_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.admin.trading import TradingFormSet, a_name_of_its_own
from loyalty.models import Tier, TierTable
from loyalty.models.tier import Metric
from loyalty.services import rules, tables, tier_trials, tiers
from loyalty.services.tables import Rung
from loyalty.services.tier_rules import Rules
from retention.admin.base import INLINE, Admin
from retention.money import to_decimal, to_minor

TRY = "_try"
AGAIN = "_again"


class TierForm(forms.ModelForm):
    """A tier with what it begins at and is kept from, in units of the table's currency, in orders or in points."""

    threshold = forms.DecimalField(label=gettext_lazy("begins at"), min_value=0, max_digits=14, decimal_places=3)
    keep = forms.DecimalField(
        label=gettext_lazy("kept from"), min_value=0, max_digits=14, decimal_places=3, required=False
    )

    class Meta:
        model = Tier
        fields = ("rank", "name")

    def __init__(self, *args: Any, table: TierTable, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        if self.instance.pk:
            self.initial["threshold"] = self._shown(self.instance.threshold_minor)
            if self.instance.keep_minor is not None:
                self.initial["keep"] = self._shown(self.instance.keep_minor)

    def _shown(self, minor: int) -> Decimal:
        return to_decimal(minor, self.table.currency) if self.table.metric == Metric.SPEND else Decimal(minor)

    def _read(self, given: Decimal) -> int:
        if self.table.metric == Metric.SPEND:
            return to_minor(given, self.table.currency)
        if given != given.to_integral_value():
            raise ValidationError(_("A whole number: nobody places half an order or earns half a point."))
        return int(given)

    def clean_threshold(self) -> Decimal:
        threshold: Decimal = self.cleaned_data["threshold"]
        self.instance.threshold_minor = self._read(threshold)
        return threshold

    def clean_keep(self) -> Decimal | None:
        keep: Decimal | None = self.cleaned_data["keep"]
        self.instance.keep_minor = None if keep is None else self._read(keep)
        return keep

    def validate_constraints(self) -> None:
        """The whole table says it better, with names and amounts."""


class TierFormSet(TradingFormSet):
    aside = MappingProxyType(
        {
            "name": a_name_of_its_own(),
            # beyond what the form takes, and below what the columns hold
            "rank": F("rank") + 10_000,
            "threshold_minor": F("threshold_minor") + 10**15,
        }
    )

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "table": self.instance}

    def clean(self) -> None:
        """Look at the whole table: order, gaps, doubles."""
        going = [form.instance.pk for form in self.deleted_forms if form.instance.pk]
        if reasons := tables.why_kept(going):
            raise ValidationError(reasons)
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        rungs = [
            Rung(
                rank=form.cleaned_data["rank"],
                name=form.cleaned_data["name"],
                threshold_minor=form.instance.threshold_minor,
                keep_minor=form.instance.keep_minor,
            )
            for form in kept
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        found = tables.mistakes(rungs, metric=self.instance.metric, currency=self.instance.currency)
        if found:
            raise ValidationError(found)


class TierInline(INLINE):
    model = Tier
    form = TierForm
    formset = TierFormSet
    extra = 3
    fields = ("rank", "name", "threshold", "keep")
    ordering = ("rank",)


class TierTableForm(forms.ModelForm):
    """A table; in what nobody orders, nobody reaches anything."""

    class Meta:
        model = TierTable
        exclude = ()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("metric") != Metric.SPEND:
            given["currency"] = ""
        elif given.get("active") and (mistake := tables.currency_mistake(given.get("currency", ""))):
            self.add_error("currency", mistake)
        return given


class FilledIn(forms.ModelForm):
    """What somebody had filled in, shown once more: it is never good enough to be saved."""

    def is_valid(self) -> bool:
        super().is_valid()
        return False


@admin.register(TierTable)
class TierTableAdmin(ConfirmedAdmin):
    form = TierTableForm
    change_form_template = "loyalty/admin/tier_table.html"
    list_display = ("name", "active", "metric", "currency", "window", "term", "computed_at")
    fields = (
        "name", "active", "metric", "currency", "window", "window_days", "term", "term_days", "grace_days", "down",
        "notice_days", "does",
    )  # fmt: skip
    readonly_fields = ("does",)
    inlines = (TierInline,)
    ordering = ("-active", "name")

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, table: TierTable) -> str:
        if table.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(table)))

    def consequences(self, saved: TierTable) -> Iterable[str]:
        yield from table_words.sentences(saved, tiers.count_fit(saved, at=timezone.now()))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST" and TRY in request.POST:
            return self.try_it(request, object_id, form_url, extra_context)
        if request.method == "POST" and AGAIN in request.POST:  # the form that was tried, to go on with; saves nothing
            return Admin.changeform_view(self, request, object_id, form_url, extra_context)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("FilledIn", (FilledIn, form), {}) if AGAIN in request.POST else form

    def try_it(self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any) -> HttpResponse:
        """Start a dry run of what is in the form; nothing of it is saved."""
        known = set(Tier.objects.values_list("pk", flat=True))
        with transaction.atomic():
            response: HttpResponse = Admin.changeform_view(self, request, object_id, form_url, extra_context)
            if response.status_code != 302:
                return response  # there are mistakes to mend
            saved: TierTable = vars(request)["_loyalty_saved"]
            rules = Rules.of(saved).without_ids_but(known)
            transaction.set_rollback(True)
        list(get_messages(request))  # "was saved": it was not
        if not request.user.has_perm("retention_loyalty.view_tiertrial"):
            raise PermissionDenied
        trial = tier_trials.start(
            rules,
            name=saved.name,
            table=TierTable.objects.filter(pk=object_id).first() if object_id else None,
            form=[
                (name, value)
                for name, values in request.POST.lists()
                if name not in ("csrfmiddlewaretoken", TRY)
                for value in values
            ],
            by=request.user.get_username(),
            at=timezone.now(),
        )
        return redirect("admin:retention_loyalty_tiertrial_change", trial.pk)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        rungs = [one for formset in formsets for one in formset.initial_forms if not one.cleaned_data.get("DELETE")]
        renamed = [one for one in rungs if "name" in one.changed_data]
        tables.note_names({one.instance.pk: one.initial["name"] for one in renamed})
        if form.instance.active:
            rules.follow_tiers({one.initial["name"]: one.instance.name for one in renamed})
        TierTable.objects.filter(pk=form.instance.pk).update(stale=True)
