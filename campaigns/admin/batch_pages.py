"""The pages of a batch: its progress, its codes as CSV, and sheets of QR codes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import qr, standing, validity, wording
from campaigns.admin.pages import Pages
from campaigns.models import Coupon, CouponBatch, OfferVersion
from campaigns.services import batches
from retention import counts, csv_cells
from retention.admin import progress
from retention.conf import conf
from retention.models import Job

ON_A_SHEET = 60
COLUMNS = ("code", "link", "state", "last day")

STATES = {
    Job.State.RUNNING: gettext_lazy("Being made"),
    Job.State.DONE: gettext_lazy("All made"),
    Job.State.FAILED: gettext_lazy("Stopped"),
}

NO_ADDRESS = gettext_lazy('A QR code needs the shop\'s own address: set RETENTION["BASE_URL"].')


class BatchPages(Pages):
    """Mixed into the admin of batches."""

    has_view_permission: Any
    has_add_permission: Any
    log_change: Any
    outcome: Any
    brought: Any
    cost: Any

    def page_urls(self) -> list[URLPattern]:
        pages = {
            "progress": self.progress, "retry": self.retry, "stop": self.stop, "export": self.export,
            "sheet": self.sheet,
        }  # fmt: skip
        return [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"retention_campaigns_couponbatch_{name}")
            for name, view in pages.items()
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how far a batch is and what came of it."""
        if not object_id.isdecimal():
            return redirect("admin:retention_campaigns_couponbatch_changelist")
        batch = self._batch(request, int(object_id))
        terms = OfferVersion.objects.get(pk=batch.job.parameters["version"]).terms
        said = terms.in_currency(batch.job.parameters["currency"])
        money, now = said or next(iter(terms.money), None), timezone.now()
        context = self.context(
            request,
            batch.name,
            original=batch,
            batch=batch,
            batch_id=str(batch.pk),
            job=batch.job,
            said=_said(batch, at=now),
            gives=" ".join(filter(None, (wording.gives(terms, money), wording.minimum(money)))),
            last_day=validity.last_day(validity.of(terms, at=batch.created_at)[1]),
            brought=self.brought(batch),
            cost=self.cost(batch),
            used=Coupon.objects.filter(batch=batch, used__gt=0).count(),
            usable=Coupon.objects.redeemable(at=now).filter(batch=batch).count(),
            may_make=self.has_add_permission(request),
            may_export=request.user.has_perm("retention_campaigns.export_codes"),
            may_void=request.user.has_perm("retention_campaigns.void_coupon"),
            may_extend=request.user.has_perm("retention_campaigns.extend_coupon"),
            no_address="" if conf.BASE_URL else NO_ADDRESS,
        )
        return TemplateResponse(request, "campaigns/admin/batch.html", context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how far a batch is, for the script of its page."""
        batch = self._batch(request, pk)
        response = JsonResponse(_said(batch, at=timezone.now()))
        response["Cache-Control"] = "no-store"
        return response

    def retry(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Go on with a batch that stopped."""
        batch = self._change(request, pk)
        if batches.retry(batch, at=timezone.now()):
            self.log_change(request, batch, _("Told it to go on."))
            messages.success(request, _("It goes on where it stopped."))
        return redirect("admin:retention_campaigns_couponbatch_change", pk)

    def stop(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let no more codes be made."""
        batch = self._change(request, pk)
        if batches.stop(batch, by=request.user.get_username(), at=timezone.now()):
            self.log_change(request, batch, _("Stopped it."))
            messages.warning(request, _("Stopped. What is made stays good; call it off if it should not."))
        return redirect("admin:retention_campaigns_couponbatch_change", pk)

    def export(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        """Send the codes as CSV."""
        if request.method != "POST":
            raise PermissionDenied
        batch, now = self._export(request, pk), timezone.now()
        self.log_change(request, batch, _("Downloaded its codes."))
        return StreamingHttpResponse(
            csv_cells.lines(COLUMNS, _rows(batch, at=now)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="codes-{batch.pk}-{now:%Y-%m-%d}.csv"'},
        )

    def sheet(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a page to print, with the QR codes of those that can be used."""
        batch = self._export(request, pk)
        if not conf.BASE_URL:
            messages.error(request, NO_ADDRESS)
            return redirect("admin:retention_campaigns_couponbatch_change", pk)
        codes = Coupon.objects.outstanding(at=timezone.now()).filter(batch=batch).order_by("pk")
        page = Paginator(codes.values_list("code", flat=True), ON_A_SHEET).get_page(request.GET.get("page"))
        drawings = [(code, qr.drawing(code)) for code in page.object_list]
        context = {"batch": batch, "page": page, "drawings": drawings}
        return TemplateResponse(request, "campaigns/admin/sheet.html", context)

    def _batch(self, request: HttpRequest, pk: int) -> CouponBatch:
        batch = get_object_or_404(CouponBatch.objects.select_related("offer", "job"), pk=pk)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        return batch

    def _change(self, request: HttpRequest, pk: int) -> CouponBatch:
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        return self._batch(request, pk)

    def _export(self, request: HttpRequest, pk: int) -> CouponBatch:
        if not request.user.has_perm("retention_campaigns.export_codes"):
            raise PermissionDenied
        return self._batch(request, pk)


def _said(batch: CouponBatch, *, at: datetime) -> dict[str, Any]:
    """Return how far a batch is: numbers for the bar, and words for everybody."""
    job = batch.job
    words = _("%(state)s: %(made)s of %(count)s codes (%(percent)s%%).") % {
        "state": STATES[Job.State(job.state)],
        "made": counts.show(job.done),
        "count": counts.show(batch.count),
        "percent": 100 * job.done // batch.count,
    }
    return {
        "state": job.state,
        "done": job.done,
        "of": batch.count,
        "words": words,
        "still": progress.still(job, at=at),
    }


def _rows(batch: CouponBatch, *, at: datetime) -> Iterator[tuple[str, str, str, str]]:
    codes = Coupon.objects.filter(batch=batch).order_by("pk")
    columns = ("code", "state", "max_uses", "used", "starts_at", "expires_at")
    for coupon in codes.only(*columns).iterator(chunk_size=2000):
        stands = standing.of(coupon, at=at)
        yield coupon.code, qr.link(coupon.code), stands.value, validity.last_day(coupon.expires_at).isoformat()
