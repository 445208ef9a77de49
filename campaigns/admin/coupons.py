"""Coupons, where they came from and what came of them; staff extend them, call them off or give new codes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import qr, standing, wording
from campaigns.admin import links, origins
from campaigns.admin.coupon_actions import CouponActions
from campaigns.admin.coupon_filters import KindFilter, StandingFilter
from campaigns.admin.coupon_pages import CouponPages
from campaigns.admin.outcomes import WithOutcomes
from campaigns.admin.uses import RefusalInline, UseInline
from campaigns.models import Coupon
from campaigns.services import codes
from campaigns.standing import Standing
from retention import moments
from retention.admin.base import ReadOnlyAdmin
from retention.conf import conf

KNOWN = 19
"""Digits of a number that every database can look up are fewer."""


@admin.register(Coupon)
class CouponAdmin(WithOutcomes, CouponActions, CouponPages, ReadOnlyAdmin):
    list_display = (
        "code", "offer", "gives", "who", "stands", "uses", "brought", "cost", "last_day", "origin",
    )  # fmt: skip
    list_filter = (StandingFilter, KindFilter, "offer", "currency")
    search_fields = ("code",)
    search_help_text = gettext_lazy(
        "A code or a part of it, as the shopper types it; an order number; # and a customer's number."
    )
    date_hierarchy = "issued_at"
    ordering = ("-issued_at", "-pk")
    actions = ("extend", "reissue", "call_off")
    inlines = (UseInline, RefusalInline)
    change_list_template = "campaigns/admin/coupon_list.html"
    change_form_template = "campaigns/admin/coupon.html"
    outcome_of = "coupon"
    fieldsets = (
        (None, {"fields": ("code", "standing", "gives", "offer_link", "days", "uses", "link")}),
        (gettext_lazy("Where it came from"), {"fields": ("origin", "by", "who", "order_link", "instead", "issued_at")}),
        (gettext_lazy("What came of it"), {"fields": ("brought", "cost")}),
    )
    readonly_fields = (
        "standing", "gives", "offer_link", "days", "uses", "link", "origin", "by", "who", "order_link", "instead",
        "brought", "cost",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        return [*self.page_urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        return origins.with_origins(super().get_queryset(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "batch__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find codes however they are typed, orders as they are numbered, and customers by their number."""
        said = search_term.strip()
        if not said:
            return queryset, False
        found = Q(order=said) | Q(order_number=said) | Q(source__istartswith=said)
        if code := codes.normal(said):
            found |= Q(code__contains=code)
        number = said.removeprefix("#")
        if number.isdecimal() and len(number) < KNOWN:
            found |= Q(customer=number)
        return queryset.filter(found), False

    # What is to see

    @admin.display(description=gettext_lazy("gives"))
    def gives(self, coupon: Coupon) -> str:
        said = (wording.gives(coupon.terms, coupon.money), wording.minimum(coupon.money))
        return " ".join(filter(None, said))

    @admin.display(description=gettext_lazy("offer"))
    def offer_link(self, coupon: Coupon) -> Any:
        url = reverse("admin:retention_campaigns_offer_change", args=[coupon.offer_id])
        return format_html(
            '<a href="{}">{}</a>, {}', url, coupon.offer, _("version %(n)s") % {"n": coupon.version.number}
        )

    @admin.display(description=gettext_lazy("customer"), ordering="customer")
    def who(self, coupon: Coupon) -> Any:
        return links.customer(coupon.customer) if coupon.customer else _("anybody")

    @admin.display(description=gettext_lazy("state"))
    def stands(self, coupon: Coupon) -> str:
        return str(standing.of(coupon, at=timezone.now()).label)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, coupon: Coupon) -> str:
        now = standing.of(coupon, at=timezone.now())
        if now != Standing.VOID or not coupon.void_reason:
            return str(now.label)
        said = {"state": now.label, "when": moments.show(coupon.voided_at), "why": coupon.void_reason}
        return _("%(state)s, %(when)s: %(why)s") % said

    @admin.display(description=gettext_lazy("uses"), ordering="used")
    def uses(self, coupon: Coupon) -> str:
        return f"{coupon.used} / {coupon.max_uses if coupon.max_uses is not None else '∞'}"

    @admin.display(description=gettext_lazy("last day"), ordering="expires_at")
    def last_day(self, coupon: Coupon) -> str:
        return wording.expiry(coupon)

    @admin.display(description=gettext_lazy("good"))
    def days(self, coupon: Coupon) -> str:
        named = {"since": moments.show(coupon.starts_at or coupon.issued_at), "until": wording.expiry(coupon)}
        return _("from %(since)s to the end of %(until)s") % named

    @admin.display(description=gettext_lazy("link"))
    def link(self, coupon: Coupon) -> str:
        return qr.link(coupon.code)

    @admin.display(description=gettext_lazy("came from"))
    def origin(self, coupon: Any) -> Any:
        return origins.origin(coupon)

    @admin.display(description=gettext_lazy("made by"))
    def by(self, coupon: Coupon) -> str:
        return origins.by(coupon) or "–"

    @admin.display(description=gettext_lazy("given for order"))
    def order_link(self, coupon: Any) -> Any:
        return origins.order(coupon) or "–"

    @admin.display(description=gettext_lazy("new code instead"))
    def instead(self, coupon: Coupon) -> Any:
        new = Coupon.objects.filter(replaces=coupon).first()
        return links.coupon(new) if new else "–"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["has_qr"] = bool(conf.BASE_URL)
        context["may_extend"] = self.has_extend_permission(request)
        context["may_void"] = self.has_void_permission(request)
        coupon = context.get("original")
        if coupon is not None:
            context["is_void"] = coupon.state == Coupon.State.VOID
        return super().render_change_form(request, context, *args, **kwargs)
