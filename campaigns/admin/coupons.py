"""Coupons and their uses: ledgers to look at; a coupon can be called off."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns import wording
from campaigns.models import Coupon, Redemption
from campaigns.services import coupons
from retention.admin.base import ReadOnlyAdmin, ReadOnlyInline, may
from retention.money import show


class RedemptionInline(ReadOnlyInline):
    model = Redemption
    fields = ("state", "order", "cart", "reason", "reserved_at", "lease_until", "committed_at", "released_at")
    ordering = ("-pk",)


@admin.register(Coupon)
class CouponAdmin(ReadOnlyAdmin):
    list_display = ("code", "offer", "gives", "customer", "state", "uses", "issued_at", "expires_at", "source")
    list_filter = ("state", "offer", "currency")
    search_fields = ("code", "order", "source", "key", "=customer__pk")
    date_hierarchy = "issued_at"
    ordering = ("-issued_at", "-pk")
    list_select_related = ("offer", "version", "customer")
    actions = ("call_off",)
    inlines = (RedemptionInline,)
    has_void_permission = may("retention_campaigns.void_coupon")

    @admin.display(description=_("gives"))
    def gives(self, coupon: Coupon) -> str:
        return " ".join(filter(None, (wording.gives(coupon.terms, coupon.money), wording.minimum(coupon.money))))

    @admin.display(description=_("uses"), ordering="used")
    def uses(self, coupon: Coupon) -> str:
        return f"{coupon.used} / {coupon.max_uses if coupon.max_uses is not None else '∞'}"

    @admin.action(description=_("Call off"), permissions=["void"])
    def call_off(self, request: HttpRequest, chosen: Any) -> None:
        done = coupons.void(chosen, reason=f"by staff {request.user.pk}", at=timezone.now())
        left = len(chosen) - done
        if done:
            self.message_user(request, ngettext("%d coupon called off.", "%d coupons called off.", done) % done)
        if left:
            self.message_user(
                request,
                ngettext("%d coupon was called off before.", "%d coupons were called off before.", left) % left,
                level=messages.WARNING,
            )


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdmin):
    list_display = ("coupon", "offer", "customer", "state", "order", "discount", "reserved_at", "committed_at")
    list_filter = ("state", "reason", "offer")
    search_fields = ("coupon__code", "order", "cart", "=customer__pk")
    ordering = ("-pk",)
    list_select_related = ("coupon", "offer", "customer")

    @admin.display(description=_("discount"), ordering="discount_minor")
    def discount(self, redemption: Redemption) -> str:
        return show(redemption.discount_minor, redemption.currency) if redemption.currency else ""
