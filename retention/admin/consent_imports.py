"""Taking in what people had said to another mail service: a file, what it would change, and then its progress."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import consent_file, consent_words, counts
from retention.admin.base import ReadOnlyAdmin, may
from retention.csv_rows import NotReadable
from retention.models import ConsentImport, Job
from retention.services import consent_imports

MOST_BYTES = 60 * 1024 * 1024
NOTES = 20
STILL = timedelta(minutes=2)
"""After so long without progress nobody seems to be working."""
ADD = "retention.add_consentimport"


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy(
            "With the columns “address” and “kind” (consent, unsubscribe, bounce, complaint or suppression), and as "
            "far as you know it “purpose” (marketing or survey), “at”, “source”, “text” and “basis”; with commas or "
            "semicolons, in UTF-8."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )

    def clean_file(self) -> consent_file.Reading:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(
                _("The file is larger than %(most)s: split it, and upload one part after the other.")
                % {"most": filesizeformat(MOST_BYTES)}
            )
        try:
            reading = consent_file.read(file.read(), at=timezone.now())
        except NotReadable as error:
            raise ValidationError(str(error)) from error
        if not reading.said:
            first = reading.notes[0] if reading.notes else None
            why = _("Line %(line)s: %(words)s.") % {"line": first.line, "words": first.words} if first else ""
            raise ValidationError(_("The file has no line that could be taken in. %(why)s") % {"why": why})
        return reading


@admin.register(ConsentImport)
class ConsentImportAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "made_by", "lines", "how_far")
    ordering = ("-created_at", "-pk")
    list_select_related = ("job",)
    has_add_permission = may(ADD)

    @admin.display(description=gettext_lazy("how far"))
    def how_far(self, whole: ConsentImport) -> str:
        return _words(whole)

    def get_urls(self) -> list[URLPattern]:
        pages = {"start": self.start, "discard": self.discard, "retry": self.retry, "progress": self.progress}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"retention_consentimport_{name}")
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Look at a file; nothing of it counts before somebody says so."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            reading, now = form.cleaned_data["file"], timezone.now()
            found: dict[str, Any] = consent_imports.look(reading, at=now)
            found["notes"] = [[note.line, note.words] for note in reading.notes[:NOTES]]
            whole = consent_imports.keep(reading, found, by=request.user.get_username(), at=now)
            return redirect("admin:retention_consentimport_change", whole.pk)
        context = self._context(request, _("Take in what people had said elsewhere"), form=form)
        return TemplateResponse(request, "retention/admin/consents_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show what a file would change, how far it is, or what came of it."""
        if not object_id.isdecimal():
            return redirect("admin:retention_consentimport_changelist")
        whole = self._get(request, int(object_id))
        found = {name: n for name, n in whole.found.items() if isinstance(n, int)}
        context = self._context(
            request,
            str(whole),
            original=whole,
            whole=whole,
            sentences=list(consent_words.found(found)),
            settles=consent_imports.says_who_left(whole),
            notes=whole.found.get("notes", []),
            said=_said(whole),
            may_add=request.user.has_perm(ADD),
            waits=whole.parts.exists(),
        )
        return TemplateResponse(request, "retention/admin/consents.html", context)

    def start(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say yes to a file."""
        whole = self._post(request, pk)
        if consent_imports.start(whole, at=timezone.now()):
            messages.success(request, _("It is being taken in. You may close this page."))
        else:
            messages.error(request, _("That was more than an hour ago: please choose the file again."))
        return redirect("admin:retention_consentimport_change", pk)

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Throw away what is left of a file."""
        if consent_imports.throw_away(self._post(request, pk), at=timezone.now()):
            messages.success(request, _("The file is thrown away. What was taken in of it stays."))
        return redirect("admin:retention_consentimport_changelist")

    def retry(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Go on with a file that stopped."""
        whole = self._post(request, pk)
        if whole.job and consent_imports.retry(whole.job, at=timezone.now()):
            messages.success(request, _("It goes on where it stopped."))
        return redirect("admin:retention_consentimport_change", pk)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how far a file is, for the script of its page."""
        return JsonResponse(_said(self._get(request, pk)))

    def _get(self, request: HttpRequest, pk: int) -> ConsentImport:
        whole = get_object_or_404(ConsentImport.objects.select_related("job"), pk=pk)
        if not (self.has_view_permission(request, whole) or request.user.has_perm(ADD)):
            raise PermissionDenied
        return whole

    def _post(self, request: HttpRequest, pk: int) -> ConsentImport:
        if request.method != "POST" or not request.user.has_perm(ADD):
            raise PermissionDenied
        return self._get(request, pk)

    def _context(self, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **more}


def _words(whole: ConsentImport) -> str:
    if whole.job is None:
        return _("Looked at; nothing is taken in yet.")
    states = {Job.State.RUNNING: _("Being taken in"), Job.State.DONE: _("Taken in"), Job.State.FAILED: _("Stopped")}
    return _("%(state)s: %(done)s of %(lines)s lines.") % {
        "state": states[Job.State(whole.job.state)],
        "done": counts.show(whole.job.done),
        "lines": counts.show(whole.lines),
    }


def _said(whole: ConsentImport) -> dict[str, Any]:
    """Return how far a file is: numbers for the bar, and words for everybody."""
    job = whole.job
    running = job is not None and job.state == Job.State.RUNNING
    return {
        "state": job.state if job else "",
        "done": job.done if job else 0,
        "of": whole.lines,
        "words": _words(whole),
        "still": _("Nothing has moved for some minutes: is Celery, or “manage.py retention_run”, running?")
        if job and running and timezone.now() - job.moved_at > STILL
        else "",
    }
