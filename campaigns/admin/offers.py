"""Offers: edited, put into words before they are saved, and versioned."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import goods_words, queries, wording
from campaigns.admin.condition_forms import ConditionInline
from campaigns.admin.confirming import ConfirmedAdmin
from campaigns.admin.offer_codes import OfferCodes
from campaigns.admin.offer_forms import OfferForm
from campaigns.admin.offer_goods import GoodsInline
from campaigns.admin.offer_limits import LimitInline
from campaigns.admin.offer_money import MoneyInline
from campaigns.admin.offer_plan import plan
from campaigns.admin.outcomes import WithOutcomes
from campaigns.models import Offer, OfferCondition, OfferVersion
from campaigns.services import offers
from retention import enumeration
from retention.admin.base import ReadOnlyInline


class OfferConditionInline(ConditionInline):
    model = OfferCondition
    verbose_name_plural = gettext_lazy("Conditions, all of which must hold for who uses it")


class VersionFormSet(forms.BaseInlineFormSet):
    """Asks the shop once for the products of all versions."""

    def get_queryset(self) -> Any:
        fresh = not hasattr(self, "_queryset")
        rows = super().get_queryset()
        if fresh:
            titles = goods_words.titles(row.terms for row in rows)
            for row in rows:
                row.titles = titles
        return rows


class VersionInline(ReadOnlyInline):
    model = OfferVersion
    formset = VersionFormSet
    fields = ("number", "words", "created_at", "created_by")
    readonly_fields = fields
    ordering = ("-number",)

    @admin.display(description=gettext_lazy("terms"))
    def words(self, version: OfferVersion) -> str:
        return " ".join(wording.promise(version.terms, titles=getattr(version, "titles", None)))


@admin.register(Offer)
class OfferAdmin(OfferCodes, WithOutcomes, ConfirmedAdmin):
    form = OfferForm
    list_display = ("name", "gives", "active", "starts_on", "ends_on", "out", "brought", "cost")
    list_filter = ("active", "kind", "exclusive", "first_order_only")
    search_fields = ("name", "slug")
    ordering = ("name", "pk")
    readonly_fields = ("codes", "out", "brought", "cost")
    outcome_of = "offer"
    inlines = (MoneyInline, GoodsInline, OfferConditionInline, LimitInline, VersionInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "active")}),
        (gettext_lazy("What it gives"), {"fields": ("kind", "percent", "sale_goods")}),
        (gettext_lazy("How long a coupon is good"), {"fields": ("valid_days", ("starts_on", "ends_on"))}),
        (gettext_lazy("Who can use it, and how often"), {
            "fields": ("first_order_only", "uses", ("per_customer", "per_customer_period")),
        }),
        (gettext_lazy("Together with other coupons"), {"fields": ("exclusive", "priority")}),
        (gettext_lazy("Codes"), {"fields": ("prefix",)}),
    )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was promised is kept: switch it off instead

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else self.inlines[:-1]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        came = (gettext_lazy("What came of it"), {"fields": ("codes", "out", "brought", "cost")})
        return (*self.fieldsets, came) if obj else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # journeys name an offer by its short name
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).prefetch_related("money", "conditions", "goods")
        return queries.with_figures(rows, at=timezone.now())

    @admin.display(description=gettext_lazy("gives"))
    def gives(self, offer: Offer) -> str:
        terms = offers.terms_of(offer)
        return enumeration.listed(dict.fromkeys(wording.gives(terms, money) for money in terms.money or (None,)))

    @admin.display(description=gettext_lazy("coupons that can still be used"))
    def out(self, offer: Any) -> str:
        return _("%(out)s of %(issued)s") % {"out": offer.out, "issued": offer.issued}

    # Saving

    def save_model(self, request: HttpRequest, obj: Offer, form: OfferForm, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: OfferForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        at = timezone.now()
        self.ask(request, plan(form.instance, at=at))
        offers.publish(form.instance, at=at, by=request.user.get_username())
