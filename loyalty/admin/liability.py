"""“Points: what they owe”: liability, who takes part, and whether rewards can be reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty import liability_words
from loyalty.models import Account
from loyalty.services import liability, reach, taking_part
from retention import csv_cells

VIEW = "retention_loyalty.view_account"


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the page and its file."""
    return [
        path("owed/", site.admin_view(page), name="retention_loyalty_account_owed"),
        path("owed/file/", site.admin_view(file), name="retention_loyalty_account_owed_file"),
    ]


def page(request: HttpRequest) -> HttpResponse:
    """Show all of it, with what each figure means beside it."""
    _check(request)
    context = {
        **admin.site.each_context(request),
        "opts": Account._meta,
        "title": _("Points: what they owe"),
        **_tables(timezone.now()),
    }
    return TemplateResponse(request, "loyalty/admin/owed.html", context)


def file(request: HttpRequest) -> StreamingHttpResponse:
    """Give the same as CSV."""
    _check(request)
    now = timezone.now()
    tables = _tables(now)
    rows = [
        [row.name, row.value, row.meaning] for name in ("owed", "part", "reach") for row in tables[name]
    ]  # fmt: skip
    rows += [[_("Points that end in %(month)s") % {"month": month}, points, _("Customers: %(n)s") % {"n": customers}]
             for month, points, customers in tables["months"]]  # fmt: skip
    answer = StreamingHttpResponse(
        csv_cells.lines((_("figure"), _("value"), _("meaning")), rows), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="points-owed-{now:%Y-%m-%d}.csv"'
    return answer


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied


def _tables(at: datetime) -> dict[str, Any]:
    found = liability.find(at=at)
    buyers, rewards = reach.find(at=at)
    return {
        "owed": list(liability_words.owed(found)),
        "months": liability_words.months(found) if found.ends else [],
        "part": list(liability_words.part(taking_part.find(at=at))),
        "reach": list(liability_words.reach(buyers, rewards)),
    }
