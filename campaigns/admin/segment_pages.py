"""The pages of a segment beside its form: who is in it, their export, and the file for a list."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import segment_words
from campaigns.admin.segment_forms import UploadForm
from campaigns.models import Segment
from campaigns.services import segment_lists, segments
from retention import counts, csv_cells

PAGE = 50
HOUR = 3600
COLUMNS = ("customer", "email", "first name", "last name", "language", "country", "orders", "last order")


class SegmentPages:
    """Mixed into the admin of segments."""

    admin_site: Any
    opts: Any
    has_view_permission: Any
    has_change_permission: Any
    log_change: Any

    def page_urls(self) -> list[URLPattern]:
        return [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"retention_campaigns_segment_{name}")
            for name, view in (("people", self.people), ("export", self.export), ("upload", self.upload))
        ]

    @staticmethod
    def page(name: str, segment: Segment) -> str:
        return reverse(f"admin:retention_campaigns_segment_{name}", args=[segment.pk])

    def people(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show who is in a segment, or take the chosen off a list."""
        segment = get_object_or_404(Segment, pk=pk)
        user = request.user
        if not (self.has_view_permission(request, segment) and user.has_perm("retention.view_customer")):
            raise PermissionDenied
        may_edit = segment.kind == Segment.Kind.LIST and self.has_change_permission(request, segment)
        if request.method == "POST":
            if not may_edit:
                raise PermissionDenied
            chosen = [int(one) for one in request.POST.getlist("customer") if one.isdecimal()]
            segment_lists.take_off(segment, chosen)
            if chosen:
                said = ngettext("%d person is off the list.", "%d people are off the list.", len(chosen))
                messages.success(request, said % len(chosen))
            return redirect(self.page("people", segment))
        at = timezone.now()
        meant = segments.meaning(segment.slug, at=at)
        page = Paginator(segments.matching(meant).order_by("pk"), PAGE).get_page(request.GET.get("page"))
        context = {
            **self._context(request, segment, _("Who is in “%(name)s” now") % {"name": segment.name}),
            "page": page,
            "count": segment_words.customers(page.paginator.count),
            "faults": meant.faults,
            "sees_personal_data": user.has_perm("retention.view_personal_data"),
            "may_export": user.has_perm("retention.export_personal_data"),
            "may_edit": may_edit,
        }
        return TemplateResponse(request, "campaigns/admin/segment_people.html", context)

    def export(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        """Send who is in a segment as CSV."""
        segment = get_object_or_404(Segment, pk=pk)
        if request.method != "POST" or not request.user.has_perm("retention.export_personal_data"):
            raise PermissionDenied
        if not self.has_view_permission(request, segment):
            raise PermissionDenied
        at = timezone.now()
        people = segments.people(segment, at=at).order_by("pk")
        self.log_change(request, segment, _("Exported who is in it."))
        rows = people.values_list(
            "pk", "email", "first_name", "last_name", "language", "country", "orders_count", "last_order_at"
        )
        texts = ((*row[:-1], row[-1].date().isoformat() if row[-1] else "") for row in rows.iterator(chunk_size=2000))
        return StreamingHttpResponse(
            csv_cells.lines(COLUMNS, texts),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{segment.slug}-{at:%Y-%m-%d}.csv"'},
        )

    def upload(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Look at a file, say what it would do, and do it once that was confirmed."""
        segment = get_object_or_404(Segment, pk=pk, kind=Segment.Kind.LIST)
        if not self.has_change_permission(request, segment):
            raise PermissionDenied
        if "found" in request.POST:
            return self._put(request, segment)
        form = UploadForm(request.POST or None, request.FILES or None)
        title = _("Put people on “%(name)s”") % {"name": segment.name}
        context = {**self._context(request, segment, title), "form": form}
        if request.method == "POST" and form.is_valid():
            preview = segment_lists.look(segment, form.cleaned_data["reading"])
            context |= {
                "preview": preview,
                "fresh": len(preview.found) - preview.before,
                "only": form.cleaned_data["only"],
                "found": _pack(segment, preview.found),
            }
            return TemplateResponse(request, "campaigns/admin/segment_preview.html", context)
        return TemplateResponse(request, "campaigns/admin/segment_upload.html", context)

    def _put(self, request: HttpRequest, segment: Segment) -> HttpResponse:
        found = _unpack(segment, request.POST["found"])
        if found is None:
            messages.error(request, _("That was more than an hour ago: please choose the file again."))
            return redirect(self.page("upload", segment))
        segment_lists.put(segment, found, at=timezone.now(), only="only" in request.POST)
        said = ngettext(
            "%(n)s person of the file is on the list.", "%(n)s people of the file are on the list.", len(found)
        )
        messages.success(request, said % {"n": counts.show(len(found))})
        return redirect(self.page("people", segment))

    def _context(self, request: HttpRequest, segment: Segment, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "segment": segment}


# Between preview and confirmation nothing is kept here: the customers' numbers travel with the page, signed.
# Each is written as its distance from the one before, which packs 100,000 of them into some tens of kilobytes.


def _pack(segment: Segment, found: tuple[int, ...]) -> str:
    steps = [here - before for before, here in zip((0, *found), found, strict=False)]
    return signing.dumps(steps, salt=_salt(segment), compress=True)


def _unpack(segment: Segment, packed: str) -> list[int] | None:
    try:
        steps = signing.loads(packed, salt=_salt(segment), max_age=HOUR)
    except signing.BadSignature:
        return None
    found: list[int] = []
    for step in steps:
        found.append((found[-1] if found else 0) + step)
    return found


def _salt(segment: Segment) -> str:
    return f"campaigns.segment.{segment.pk}"
