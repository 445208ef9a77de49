"""What each tier gives, said in words before it is saved; and what was given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.terms import Kind
from loyalty import tier_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Membership, TierBenefit, TierGrant
from loyalty.models.tier_benefit import BenefitKind
from retention import counts
from retention.admin.base import ReadOnlyAdmin

NEEDS = {
    BenefitKind.MULTIPLIER: ("multiplier", gettext_lazy("Say how many times the points, e.g. 1.5.")),
    BenefitKind.POINTS: ("points", gettext_lazy("Say how many points.")),
    BenefitKind.COUPON: ("offer", gettext_lazy("Say of which offer the coupon is.")),
    BenefitKind.SHIPPING: ("offer", gettext_lazy("Say by which offer shipping is free.")),
    BenefitKind.TASK: ("words", gettext_lazy("Say what is to be arranged: the shopper and your colleagues read it.")),
}
USED_OFTEN = 10


class BenefitForm(forms.ModelForm):
    """A benefit with what its kind needs and nothing else."""

    class Meta:
        model = TierBenefit
        fields = ("tier", "kind", "active", "multiplier", "points", "offer", "words", "due_days")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        kind = given.get("kind")
        needed, sentence = NEEDS.get(kind, ("", "")) if kind else ("", "")
        if needed and needed not in self.errors and not given.get(needed):
            self.add_error(needed, sentence)
        for name, empty in (("multiplier", None), ("points", None), ("offer", None)):
            if name != needed:
                given[name] = empty
        if kind == BenefitKind.SHIPPING and given.get("offer"):
            self._shipping(given["offer"])
        return given

    def _shipping(self, offer: Any) -> None:
        """Look whether the offer can be somebody's for as long as they stand in the tier."""
        if offer.kind != Kind.FREE_SHIPPING:
            self.add_error("offer", _("This offer does not make shipping free."))
        if offer.uses < USED_OFTEN:
            self.add_error(
                "offer",
                _("Let each coupon of this offer be used many times, at least %(n)s: it is used with every order.")
                % {"n": USED_OFTEN},
            )
        if offer.exclusive:
            self.add_error(
                "offer", _("This offer cannot be used together with others, so it would be in the way of every code.")
            )
        if offer.first_order_only:
            raise ValidationError(_("This offer is for first orders only."))


@admin.register(TierBenefit)
class TierBenefitAdmin(ConfirmedAdmin):
    form = BenefitForm
    list_display = ("tier", "kind", "says", "active")
    list_display_links = ("says",)
    list_filter = ("active", "kind", "tier__table")
    list_select_related = ("tier", "offer")
    autocomplete_fields = ("offer",)
    fields = ("tier", "kind", "active", "multiplier", "points", "offer", "words", "due_days")
    ordering = ("tier__table", "tier__rank", "pk")

    @admin.display(description=gettext_lazy("in words"))
    def says(self, benefit: TierBenefit) -> str:
        return tier_words.benefit(benefit)

    def consequences(self, saved: TierBenefit) -> Iterable[str]:
        stand = Membership.objects.filter(tier=saved.tier).count()
        words = {"tier": saved.tier.name, "benefit": tier_words.benefit(saved), "n": counts.show(stand)}
        if not saved.active:
            yield _("It is off: nobody gets it any more; what was given once stays.")
        if saved.kind in (BenefitKind.COUPON, BenefitKind.POINTS, BenefitKind.TASK):
            yield _("Who comes up into %(tier)s gets once: %(benefit)s.") % words
            yield _("Once a term: who falls and comes back within it has had it. Who stands there today gets nothing.")
        else:
            yield _("Who stands in %(tier)s has: %(benefit)s.") % words
            yield (
                ngettext(
                    "Today that is %(n)s customer; with the tier it ends.",
                    "Today that are %(n)s customers; with the tier it ends.",
                    stand,
                )
                % words
            )
        if not saved.tier.table.active:
            yield _("The table of this tier is not active: nobody gets anything until it is.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TierBenefit]:
        rows: QuerySet[TierBenefit] = super().get_queryset(request)
        return rows.select_related("tier__table")


@admin.register(TierGrant)
class TierGrantAdmin(ReadOnlyAdmin):
    list_display = ("benefit", "tier", "whose", "given_at", "coupon", "task")
    list_filter = ("benefit__kind", "benefit__tier")
    list_select_related = ("benefit__tier", "benefit__offer", "customer", "coupon", "task")
    fields = ("benefit", "whose", "number", "given_at", "coupon", "task")
    readonly_fields = ("whose",)
    search_fields = ("=customer__id",)
    date_hierarchy = "given_at"
    ordering = ("-given_at", "-pk")

    @admin.display(description=gettext_lazy("tier"))
    def tier(self, grant: TierGrant) -> str:
        return grant.benefit.tier.name

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, grant: TierGrant) -> str:
        url = reverse("admin:retention_customer_change", args=[grant.customer_id])
        return format_html('<a href="{}">{}</a>', url, grant.customer)
