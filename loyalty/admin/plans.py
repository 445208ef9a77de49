"""What a paid membership is, and how it does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import paid_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Plan
from loyalty.services import paid_figures, plan_pauses
from retention.money import show
from retention.shop import Capability, get_shop

YEAR = timedelta(days=365)


class PlanForm(forms.ModelForm):
    class Meta:
        model = Plan
        fields = (
            "name", "active", "product", "months", "free_shipping", "multiplier", "gift", "notice_days",
            "count_history",
        )  # fmt: skip

    def clean_product(self) -> str:
        return str(self.cleaned_data["product"]).strip()

    def clean_gift(self) -> Any:
        offer = self.cleaned_data["gift"]
        if offer is not None and offer.first_order_only:
            raise forms.ValidationError(_("This offer is for first orders only."))
        return offer


@admin.register(Plan)
class PlanAdmin(ConfirmedAdmin):
    form = PlanForm
    list_display = ("name", "active", "product", "months", "multiplier", "free_shipping")
    list_filter = ("active",)
    list_select_related = ("free_shipping",)
    search_fields = ("name", "=product")
    fields = (*PlanForm.Meta.fields, "does", "figures")
    readonly_fields = ("does", "figures")
    ordering = ("-active", "name")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and (obj is None or not obj.terms.exists())

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, plan: Plan) -> str:
        if plan.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(plan)))

    @admin.display(description=gettext_lazy("in the last 365 days"))
    def figures(self, plan: Plan) -> str:
        if plan.pk is None:
            return "–"
        now = timezone.now()
        found = paid_figures.of(plan, since=now - YEAR, until=now)
        said = [
            ngettext("%(n)s member now", "%(n)s members now", found.members) % {"n": found.members},
            ngettext("%(n)s new term", "%(n)s new terms", found.new) % {"n": found.new},
            _("%(renewed)s of %(ended)s that ended were renewed within 30 days (%(percent)s %%)")
            % {"renewed": found.renewed, "ended": found.ended, "percent": found.percent}
            if found.percent is not None
            else _("None has ended yet, so nobody can say how many renew."),
            *(
                _("%(amount)s paid, refunds taken off") % {"amount": show(minor, currency)}
                for currency, minor in sorted(found.income.items())
            ),
        ]
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in said))

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        was_active = bool(form.initial.get("active")) if change else None
        plan_pauses.switch(obj, was_active=was_active, at=timezone.now())

    def consequences(self, saved: Plan) -> Iterable[str]:
        yield from paid_words.for_staff(saved, at=timezone.now())
        if count := plan_pauses.missed(saved).count():
            yield f"{paid_words.missed(saved, count)}."
        if saved.product:
            shop = get_shop()
            if Capability.CATALOGUE in shop.capabilities:
                found = shop.get_products([saved.product]).get(saved.product)
                if found is None:
                    yield _("The shop has no product %(product)s: nobody can buy this.") % {"product": saved.product}
                else:
                    yield _("The product is “%(title)s”.") % {"title": found.title}
