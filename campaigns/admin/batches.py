"""Codes in bulk: asked for, watched while they are made, and taken out as CSV or as sheets of QR codes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import code_words
from campaigns.admin.batch_pages import BatchPages
from campaigns.admin.coupon_forms import BatchForm
from campaigns.admin.outcomes import WithOutcomes
from campaigns.models import CouponBatch
from campaigns.services import batches, offers
from retention import counts
from retention.admin.base import ReadOnlyAdmin, may


@admin.register(CouponBatch)
class CouponBatchAdmin(WithOutcomes, BatchPages, ReadOnlyAdmin):
    list_display = ("name", "offer", "made", "state", "brought", "cost", "made_by", "created_at")
    list_filter = ("job__state", "offer")
    search_fields = ("name", "prefix", "offer__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    list_select_related = ("offer", "job")
    outcome_of = "coupon__batch"
    has_add_permission = may("retention_campaigns.issue_coupon")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def get_urls(self) -> list[URLPattern]:
        return [*self.page_urls(), *super().get_urls()]

    @admin.display(description=gettext_lazy("made"), ordering="job__done")
    def made(self, batch: CouponBatch) -> str:
        return _("%(made)s of %(count)s") % {"made": counts.show(batch.job.done), "count": counts.show(batch.count)}

    @admin.display(description=gettext_lazy("state"), ordering="job__state")
    def state(self, batch: CouponBatch) -> str:
        return batch.job.get_state_display()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask what codes, say what that will do, and ask for them once that was confirmed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        back = "_back" in request.POST
        form = BatchForm(request.POST or None, initial={"offer": request.GET.get("offer")})
        title = _("Make codes in bulk")
        if request.method != "POST" or not form.is_valid() or back:
            return self.ask(request, title, form, button=_("Look at it first"))
        given, now = form.cleaned_data, timezone.now()
        offer = given["offer"]
        reason = offers.closed(offer, at=now)
        if reason is None and "_confirmed" not in request.POST:
            said = code_words.bulk(
                offer, offers.current(offer).terms, count=given["count"], currency=given["currency"], at=now
            )
            button = _("Make the codes")
            return self.read_back(request, title, sentences=said, button=button, offer=offer)
        try:
            batch = batches.start(
                offer,
                name=given["name"],
                count=given["count"],
                prefix=given["code_prefix"],
                currency=given["currency"],
                by=request.user.get_username(),
                key=given["once"],
                at=now,
            )
        except batches.Closed as closed:
            form.add_error("offer", str(closed))
            return self.ask(request, title, form, button=_("Look at it first"))
        self.log_addition(request, batch, [{"added": {}}])
        messages.success(request, _("The codes are being made. You may close this page and come back."))
        return redirect("admin:retention_campaigns_couponbatch_change", batch.pk)
