"""Pages of our own beside those of admin: a form, read back in words, and done once that was confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

BUTTONS = ("csrfmiddlewaretoken", "_back", "_confirmed")
"""What is posted beside the fields."""


class Pages:
    """Mixed into an admin that has pages of its own."""

    admin_site: Any
    opts: Any

    def context(self, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **more}

    def ask(self, request: HttpRequest, title: str, form: Any, *, button: str, intro: str = "") -> HttpResponse:
        """Show a form."""
        context = self.context(request, title, form=form, button=button, intro=intro)
        return TemplateResponse(request, "campaigns/admin/codes_form.html", context)

    def read_back(
        self,
        request: HttpRequest,
        title: str,
        *,
        sentences: Iterable[str],
        warnings: Iterable[str] = (),
        button: str,
        offer: Any = None,
    ) -> HttpResponse:
        """Show what a form that was sent will do; its button sends it again, confirmed."""
        posted = [(name, value) for name, values in request.POST.lists() for value in values]
        context = self.context(
            request,
            title,
            sentences=list(sentences),
            warnings=list(warnings),
            posted=[(name, value) for name, value in posted if name not in BUTTONS],
            button=button,
            offer=offer,
        )
        return TemplateResponse(request, "campaigns/admin/codes_confirm.html", context)
