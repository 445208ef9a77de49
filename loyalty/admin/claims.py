"""Claimed rewards: to look at, and to give back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.models import Claim
from loyalty.services import claims
from retention.admin.base import ReadOnlyAdmin, may
from retention.models import Order
from retention.money import show


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ("claimed_at", "whose", "reward", "points", "state", "spent", "missing", "took_off", "lease_until")
    list_filter = ("state", "reason", "reward")
    list_select_related = ("account__customer", "reward", "coupon")
    fields = (
        "whose", "reward", "state", "reason", "points", "spent", "missing", "worth", "the_coupon", "the_order",
        "took_off", "slot", "claimed_at", "lease_until", "committed_at", "released_at", "entries",
    )  # fmt: skip
    readonly_fields = ("whose", "worth", "the_coupon", "the_order", "took_off", "entries")
    search_fields = ("=order", "=coupon__code", "=account__customer__id")
    date_hierarchy = "claimed_at"
    ordering = ("-pk",)
    actions = ("release",)
    has_release_permission = may("retention_loyalty.release_claim")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, claim: Claim) -> str:
        url = reverse("admin:retention_customer_change", args=[claim.account.customer_id])
        return format_html('<a href="{}">{}</a>', url, claim.account.customer)

    @admin.display(description=gettext_lazy("worth"))
    def worth(self, claim: Claim) -> str:
        return show(claim.worth_minor, claim.currency) if claim.worth_minor is not None else "–"

    @admin.display(description=gettext_lazy("took off"))
    def took_off(self, claim: Claim) -> str:
        return show(claim.paid_minor, claim.currency) if claim.currency and claim.order else "–"

    @admin.display(description=gettext_lazy("coupon"))
    def the_coupon(self, claim: Claim) -> str:
        if claim.coupon is None:
            return "–"
        url = reverse("admin:retention_campaigns_coupon_change", args=[claim.coupon_id])
        return format_html('<a href="{}">{}</a>', url, claim.coupon.code)

    @admin.display(description=gettext_lazy("order"))
    def the_order(self, claim: Claim) -> str:
        order = Order.objects.filter(reference=claim.order).first() if claim.order else None
        if order is None:
            return claim.order or "–"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:retention_order_change", args=[order.pk]), order.number
        )

    @admin.display(description=gettext_lazy("entries"))
    def entries(self, claim: Claim) -> str:
        url = reverse("admin:retention_loyalty_entry_changelist")
        return format_html(
            '<a href="{}?account__id__exact={}">{}</a>', url, claim.account_id, _("movements of this account")
        )

    @admin.action(description=gettext_lazy("Give the points back"), permissions=["release"])
    def release(self, request: HttpRequest, chosen: QuerySet[Claim]) -> None:
        """Let go what is set aside; what an order has used, or is about to, stays."""
        asked = list(chosen.values_list("pk", flat=True)[:1000])
        done = claims.release(asked, reason=Claim.Reason.STAFF, at=timezone.now())
        self._log(request, done)
        messages.success(
            request,
            ngettext("The points of %(n)s claim are back.", "The points of %(n)s claims are back.", len(done))
            % {"n": len(done)},
        )
        if left := len(asked) - len(done):
            words = ngettext(
                "%(n)s claim stays: an order uses it, or it is over already.",
                "%(n)s claims stay: an order uses them, or they are over already.",
                left,
            )
            messages.warning(request, words % {"n": left})

    def _log(self, request: HttpRequest, done: list[int]) -> None:
        rows: Any = Claim.objects.filter(pk__in=done).select_related("reward")
        if done and request.user.pk is not None:
            LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, change_message=_("The points are back."))
