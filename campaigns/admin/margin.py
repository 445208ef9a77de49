"""The margin guard: one page, which says what it does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import margin_words
from campaigns.admin.confirming import ConfirmedAdmin
from campaigns.admin.offer_plan import Plan
from campaigns.models import MarginGuard, Offer, ProductCost
from campaigns.services import offers
from retention import counts

ONLY = 1
"""Primary key of the one row."""


class GuardForm(forms.ModelForm):
    class Meta:
        model = MarginGuard
        fields = ("share_of_list", "over_cost")
        help_texts = {
            "share_of_list": _("For example 70. Empty: the list price does not matter."),
            "over_cost": _(
                "For example 20: the cost and a fifth of it. 0: just the cost. Only for goods whose cost is known; "
                "where both are set, the higher one counts. Empty: the cost does not matter."
            ),
        }


@admin.register(MarginGuard)
class MarginGuardAdmin(ConfirmedAdmin):
    form = GuardForm
    readonly_fields = ("does", "costs")
    fieldsets = (
        (None, {"fields": ("does",)}),
        (_("How low all discounts together may bring the goods of an order"), {
            "fields": ("share_of_list", "over_cost"), "description": _("Both empty: the guard is off."),
        }),
        (_("Costs"), {"fields": ("costs",)}),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not MarginGuard.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # leave both empty instead

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it, or to where it is made."""
        if MarginGuard.objects.exists():
            return HttpResponseRedirect(reverse("admin:retention_campaigns_marginguard_change", args=[ONLY]))
        if self.has_add_permission(request):
            return HttpResponseRedirect(reverse("admin:retention_campaigns_marginguard_add"))
        return super().changelist_view(request, extra_context)

    @admin.display(description=_("what it does now"))
    def does(self, guard: MarginGuard) -> Any:
        said = margin_words.sentences(guard if guard.pk else None)
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in said))

    @admin.display(description=_("known costs"))
    def costs(self, guard: MarginGuard) -> Any:
        known = ProductCost.objects.values("product").distinct().count()
        return format_html(
            '<p>{}</p><p><a href="{}">{}</a></p>',
            ngettext(
                "The cost of %(n)s product is known by upload; what the shop itself says goes before it.",
                "The costs of %(n)s products are known by upload; what the shop itself says goes before it.",
                known,
            )
            % {"n": counts.show(known)},
            reverse("admin:retention_campaigns_productcost_changelist"),
            gettext("Look at the costs, or upload them"),
        )

    def save_model(self, request: HttpRequest, obj: MarginGuard, form: Any, change: bool) -> None:
        obj.pk = ONLY
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.ask(request, plan(form.instance))


def plan(guard: MarginGuard) -> Plan:
    """Say what the guard does as it is in this transaction, and which offers go below it by themselves."""
    live = Offer.objects.filter(active=True).prefetch_related("money", "goods", "conditions").order_by("name", "pk")
    low = [offer.name for offer in live if margin_words.alone_too_low(offers.terms_of(offer), guard)]
    return Plan(
        name=gettext("the margin guard"),
        sentences=list(margin_words.sentences(guard)),
        effects=[gettext("It holds from now on, also for coupons that are out: a basket is asked each time.")],
        doubts=[
            gettext("“%(offer)s” takes off more than that for any order: nobody could use it.") % {"offer": name}
            for name in low
        ],
    )
