"""Taking out and forgetting: one person from their page, or those chosen on the list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention.admin.base import may
from retention.models import Customer
from retention.services import persons

AT_ONCE = 100
"""So many people are taken out or forgotten by one click."""


class PersonPages:
    """Mixed into the admin of customers."""

    admin_site: Any
    opts: Any
    log_change: Any
    actions = ("export_chosen", "erase_chosen")
    has_export_permission = may("retention.export_personal_data")
    has_erase_permission = may("retention.erase_person")

    def page_urls(self) -> list[URLPattern]:
        return [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"retention_customer_{name}")
            for name, view in (("export", self.export), ("erase", self.erase))
        ]

    def export(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send all that we hold about one person as JSON."""
        if request.method != "POST" or not self.has_export_permission(request):
            raise PermissionDenied
        customer = get_object_or_404(Customer, pk=pk)
        self.log_change(request, customer, _("Exported all that is kept about them."))
        return _download(persons.export_person(customer), name=f"customer-{customer.pk}")

    def erase(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what goes and what stays, then forget a person."""
        customer = get_object_or_404(Customer, pk=pk)
        if not self.has_erase_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            self._forget(request, [customer])
            return redirect("admin:retention_customer_change", customer.pk)
        return self._ask(request, [customer])

    @admin.action(description=gettext_lazy("Export all that is kept about these people"), permissions=["export"])
    def export_chosen(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse | None:
        people = self._few(request, chosen)
        if people is None:
            return None
        for customer in people:
            self.log_change(request, customer, _("Exported all that is kept about them."))
        return _download({"people": [persons.export_person(customer) for customer in people]}, name="customers")

    @admin.action(description=gettext_lazy("Forget these people…"), permissions=["erase"])
    def erase_chosen(self, request: HttpRequest, chosen: QuerySet[Customer]) -> HttpResponse | None:
        people = self._few(request, chosen.filter(erased_at=None))
        if people and "confirmed" in request.POST:
            self._forget(request, people)
            return None
        return self._ask(request, people) if people else None

    def _few(self, request: HttpRequest, chosen: QuerySet[Customer]) -> list[Customer] | None:
        people = list(chosen.order_by("pk")[: AT_ONCE + 1])
        if len(people) > AT_ONCE:
            messages.error(request, _("Choose at most %(n)s people at once.") % {"n": AT_ONCE})
            return None
        return people

    def _ask(self, request: HttpRequest, people: Sequence[Customer]) -> HttpResponse:
        """Show what would go, what would stay, and what the shop itself has."""
        kept = [(customer, persons.rows_of(customer)) for customer in people if customer.erased_at is None]
        one = people[0] if len(people) == 1 else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": ngettext("Forget this person?", "Forget these people?", len(people)),
            "original": one,
            "customer": one,
            "people": [
                {"customer": customer, "others": rows[1:], "places": _places(rows)} for customer, rows in kept
            ],
            "chosen": [] if one and "action" not in request.POST else people,
            "checkbox": ACTION_CHECKBOX_NAME,
        }  # fmt: skip
        return TemplateResponse(request, "retention/admin/erase.html", context)

    def _forget(self, request: HttpRequest, people: Sequence[Customer]) -> None:
        kept: dict[str, None] = {}
        for customer in people:
            kept |= dict.fromkeys(persons.forget(customer, at=timezone.now()))
            self.log_change(request, customer, _("Forgot the person."))
        said = ngettext(
            "The person is forgotten; orders, points and figures stay.",
            "%(n)s people are forgotten; orders, points and figures stay.",
            len(people),
        )
        messages.success(request, said % {"n": len(people)})
        if kept:
            messages.warning(request, _("The shop itself still keeps: %(places)s.") % {"places": "; ".join(kept)})


def _places(rows: Sequence[Customer]) -> list[str]:
    return list({place: None for row in rows for place in persons.places(row)})


def _download(data: Any, *, name: str) -> HttpResponse:
    body = json.dumps(data, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
    return HttpResponse(
        body,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "no-store, private"},
    )
