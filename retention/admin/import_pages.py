"""The pages of a file that is taken in: what it would do, a yes or no to it, and then its progress."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import counts
from retention.admin import progress
from retention.admin.base import ReadOnlyAdmin
from retention.models import Job

NOTES = 20
"""Lines that are left out, of which the page says why."""


class ImportAdmin(ReadOnlyAdmin):
    """For a model with ``job`` (None: only looked at), ``lines`` and ``found``, which holds counts and ``notes``."""

    list_display: Any = ("created_at", "made_by", "lines", "how_far")
    ordering = ("-created_at", "-pk")
    list_select_related = ("job",)
    permission: ClassVar[str]
    """Who may take a file in."""
    form_class: ClassVar[type[forms.Form]]
    heading: ClassVar[Any]
    upload_template: ClassVar[str]
    file_template: ClassVar[str]
    steps: ClassVar[tuple[str, ...]] = ("start", "discard")
    """Methods that take the request and a file, and are asked for by POST."""

    @abstractmethod
    def keep(self, request: HttpRequest, form: forms.Form) -> Any:
        """Look at what was uploaded and keep it with what it would do; nothing of it counts yet. Returns its row."""

    @abstractmethod
    def describe(self, request: HttpRequest, whole: Any, found: dict[str, int]) -> dict[str, Any]:
        """Return what else the page of a file shows, ``sentences`` among it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.permission)

    @admin.display(description=gettext_lazy("how far"))
    def how_far(self, whole: Any) -> str:
        return _words(whole)

    def get_urls(self) -> list[URLPattern]:
        pages = {"progress": self.progress, **{name: self._step(name) for name in self.steps}}
        name_of = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"{name_of}_{name}")
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.form_class(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            return self.to_page(self.keep(request, form).pk)
        return TemplateResponse(request, self.upload_template, self._context(request, self.heading, form=form))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show what a file would do, how far it is, or what came of it."""
        if not object_id.isdecimal():
            return self.to_list()
        whole = self._get(request, int(object_id))
        found = {name: n for name, n in whole.found.items() if isinstance(n, int)}
        context = self._context(
            request,
            str(whole),
            original=whole,
            whole=whole,
            notes=whole.found.get("notes", []),
            said=_said(whole),
            may_add=self.has_add_permission(request),
            **self.describe(request, whole, found),
        )
        return TemplateResponse(request, self.file_template, context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how far a file is, for the script of its page."""
        return JsonResponse(_said(self._get(request, pk)))

    def to_page(self, pk: int) -> HttpResponse:
        """Return the way to the page of a file."""
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", pk)

    def to_list(self) -> HttpResponse:
        """Return the way to the list of all files."""
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _step(self, name: str) -> Any:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            if request.method != "POST" or not self.has_add_permission(request):
                raise PermissionDenied
            answer: HttpResponse = getattr(self, name)(request, self._get(request, pk))
            return answer

        return view

    def _get(self, request: HttpRequest, pk: int) -> Any:
        whole = get_object_or_404(self.model._default_manager.select_related("job"), pk=pk)
        if not (self.has_view_permission(request, whole) or self.has_add_permission(request)):
            raise PermissionDenied
        return whole

    def _context(self, request: HttpRequest, title: Any, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **more}


def being_taken_in(request: HttpRequest) -> None:
    """Say that it goes on by itself."""
    messages.success(request, _("It is being taken in. You may close this page."))


def _words(whole: Any) -> str:
    if whole.job is None:
        return _("Looked at; nothing is taken in yet.")
    states = {Job.State.RUNNING: _("Being taken in"), Job.State.DONE: _("Taken in"), Job.State.FAILED: _("Stopped")}
    return _("%(state)s: %(done)s of %(lines)s lines.") % {
        "state": states[Job.State(whole.job.state)],
        "done": counts.show(whole.job.done),
        "lines": counts.show(whole.lines),
    }


def _said(whole: Any) -> dict[str, Any]:
    """Return how far a file is: numbers for the bar, and words for everybody."""
    job = whole.job
    return {
        "state": job.state if job else "",
        "done": job.done if job else 0,
        "of": whole.lines,
        "words": _words(whole),
        "still": progress.still(job, at=timezone.now()) if job else "",
    }
