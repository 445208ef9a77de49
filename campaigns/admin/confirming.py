"""Saving only after what it will do has been read, in words, on a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from campaigns.admin.offer_plan import NotConfirmed, Plan
from retention.admin.base import Admin


class ConfirmedAdmin(Admin):
    """Call ``ask`` at the end of ``save_related``, when all has been saved in this transaction."""

    def ask(self, request: HttpRequest, plan: Plan) -> None:
        """Undo the save and show the plan, unless it has been shown. Raises NotConfirmed."""
        if "_confirmed" not in request.POST:
            raise NotConfirmed(plan)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Save, once what it will do has been read."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NotConfirmed as not_yet:  # the transaction is rolled back
            posted = [(name, value) for name, values in request.POST.lists() for value in values]
            context = {
                **self.admin_site.each_context(request),
                "title": _("Before it is saved"),
                "plan": not_yet.plan,
                "posted": [(name, value) for name, value in posted if name != "csrfmiddlewaretoken"],
                "back": request.get_full_path(),
            }
            return render(request, "campaigns/admin/offer_confirm.html", context)
