"""Offers: edited, put into words before they are saved, and versioned."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import queries, wording
from campaigns.admin.offer_forms import ConditionForm, MoneyForm, MoneyFormSet, OfferForm
from campaigns.admin.offer_plan import NotConfirmed, plan
from campaigns.models import Offer, OfferCondition, OfferMoney, OfferVersion
from campaigns.services import offers
from retention.admin.base import INLINE, Admin, ReadOnlyInline
from retention.money import show


class MoneyInline(INLINE):
    model = OfferMoney
    form = MoneyForm
    formset = MoneyFormSet
    fields = ("currency", "amount", "minimum")
    extra = 1


class ConditionInline(INLINE):
    model = OfferCondition
    form = ConditionForm
    extra = 0


class VersionInline(ReadOnlyInline):
    model = OfferVersion
    fields = ("number", "words", "created_at", "created_by")
    readonly_fields = fields
    ordering = ("-number",)

    @admin.display(description=gettext_lazy("terms"))
    def words(self, version: OfferVersion) -> str:
        return " ".join(wording.promise(version.terms))


@admin.register(Offer)
class OfferAdmin(Admin):
    form = OfferForm
    list_display = ("name", "gives", "active", "out", "orders")
    list_filter = ("active", "kind", "first_order_only")
    search_fields = ("name", "slug")
    ordering = ("name",)
    readonly_fields = ("out", "orders", "cost")
    inlines = (MoneyInline, ConditionInline, VersionInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "active")}),
        (gettext_lazy("What it gives"), {"fields": ("kind", "percent")}),
        (gettext_lazy("Who can use it, and how often"), {
            "fields": ("first_order_only", "exclusive", "valid_days", "starts_on", "ends_on", "uses", "per_customer", "per_customer_period"),
        }),
        (gettext_lazy("Codes"), {"fields": ("prefix",)}),
        (gettext_lazy("What came of it"), {"fields": ("out", "orders", "cost")}),
    )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was promised is kept: switch it off instead

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # journeys name an offer by its short name
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).prefetch_related("money", "conditions")
        return queries.with_figures(rows, at=timezone.now())

    @admin.display(description=gettext_lazy("gives"))
    def gives(self, offer: Offer) -> str:
        terms = offers.terms_of(offer)
        return ", ".join(wording.gives(terms, money) for money in terms.money or (None,))

    @admin.display(description=gettext_lazy("coupons that can still be used"))
    def out(self, offer: Any) -> str:
        return _("%(out)s of %(issued)s") % {"out": offer.out, "issued": offer.issued} if offer.pk else ""

    @admin.display(description=gettext_lazy("orders"))
    def orders(self, offer: Any) -> int:
        return offer.orders if offer.pk else 0

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, offer: Offer) -> str:
        return ", ".join(show(minor, currency) for currency, minor in queries.cost(offer.pk).items()) or "0"

    # Saving

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Save, once what it will do has been read."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NotConfirmed as not_yet:  # the transaction is rolled back
            posted = [(name, value) for name, values in request.POST.lists() for value in values]
            context = {
                **self.admin_site.each_context(request),
                "title": _("Before it is saved"),
                "plan": not_yet.plan,
                "posted": [(name, value) for name, value in posted if name != "csrfmiddlewaretoken"],
                "back": request.get_full_path(),
            }
            return render(request, "campaigns/admin/offer_confirm.html", context)

    def save_model(self, request: HttpRequest, obj: Offer, form: OfferForm, change: bool) -> None:
        limit = form.cleaned_data.get("max_uses")
        if change:
            # only what was edited: ``used`` moves meanwhile, and the limit has its own function
            edited = [name for name in form.changed_data if name != "max_uses"]
            obj.save(update_fields=edited)
        else:
            obj.created_at, obj.max_uses = timezone.now(), None
            obj.save()
        form.limit = limit

    def save_related(self, request: HttpRequest, form: OfferForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        offer: Offer = form.instance
        if "_confirmed" not in request.POST:
            raise NotConfirmed(plan(offer, limit=form.limit, at=timezone.now()))
        offers.limit(offer, form.limit)
        offers.publish(offer, at=timezone.now(), by=request.user.get_username())
