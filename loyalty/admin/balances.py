"""Taking in the balances of an earlier programme: a file, what it would do, and then its progress."""

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
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import balance_file, balance_words
from loyalty.models import BalanceImport, BalanceLine
from loyalty.services import balance_people, balances
from retention import counts
from retention.admin.base import ReadOnlyAdmin, may
from retention.csv_rows import NotReadable
from retention.models import Job

MOST_BYTES = 30 * 1024 * 1024
NOTES = 20
STILL = timedelta(minutes=2)
"""After so long without progress nobody seems to be working."""
IMPORT = "retention_loyalty.import_points"
PERSONAL = "retention.view_personal_data"

REASONS = {
    balance_people.UNKNOWN: gettext_lazy("nobody has this address or number yet"),
    balance_people.UNPROVEN: gettext_lazy("the mailbox is not proven yet"),
    balance_people.SEVERAL: gettext_lazy("more than one customer has it: give by hand"),
    balances.BEFORE: gettext_lazy("has had theirs from this programme, or waits for them"),
    balances.DOUBLE: gettext_lazy("another line is about the same customer"),
    balances.ENDED: gettext_lazy("the points ended while they waited"),
    balances.FORGOTTEN: gettext_lazy("the person was forgotten"),
}


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy(
            "With the columns “points”, “email” or “customer_id”, and as far as you know “expires” (2026-12-31: good "
            "to the end of that day); with commas or semicolons, in UTF-8."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    source = forms.CharField(
        label=gettext_lazy("Name of the earlier programme"),
        max_length=40,
        help_text=gettext_lazy("Each person gets their points of one programme once, however many files say so."),
    )
    trusts_accounts = forms.BooleanField(
        label=gettext_lazy("Take accounts at their word"),
        required=False,
        help_text=gettext_lazy(
            "Without it, an account gets the points of its address once its mailbox is proven. Anybody can register "
            "with anybody's address: say yes only where these are the addresses of your own accounts."
        ),
    )

    def clean_file(self) -> balance_file.Reading:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(
                _("The file is larger than %(most)s: split it, and upload one part after the other.")
                % {"most": filesizeformat(MOST_BYTES)}
            )
        try:
            reading = balance_file.read(file.read(), at=timezone.now())
        except NotReadable as error:
            raise ValidationError(str(error)) from error
        if not reading.good:
            why = _("Line %(line)s: %(words)s.") % dict(zip(("line", "words"), reading.notes[0], strict=True)) \
                if reading.notes else ""  # fmt: skip
            raise ValidationError(_("The file has no line that could be taken in. %(why)s") % {"why": why})
        return reading


@admin.register(BalanceImport)
class BalanceImportAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "source", "made_by", "lines", "how_far")
    ordering = ("-created_at", "-pk")
    list_select_related = ("job",)
    has_add_permission = may(IMPORT)

    @admin.display(description=gettext_lazy("how far"))
    def how_far(self, whole: BalanceImport) -> str:
        return _words(whole)

    def get_urls(self) -> list[URLPattern]:
        pages = {"start": self.start, "discard": self.discard, "progress": self.progress}
        return [
            *(
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(view),
                    name=f"retention_loyalty_balanceimport_{name}",
                )
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]  # fmt: skip

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Look at a file; nobody gets a point before somebody says so."""
        if not request.user.has_perm(IMPORT):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            reading, now = form.cleaned_data["file"], timezone.now()
            how = {name: form.cleaned_data[name] for name in ("source", "trusts_accounts")}
            found: dict[str, Any] = balances.look(reading, **how)
            found["notes"] = [list(note) for note in reading.notes[:NOTES]]
            whole = balances.keep(reading, found, by=request.user.get_username(), at=now, **how)
            return redirect("admin:retention_loyalty_balanceimport_change", whole.pk)
        context = self._context(request, _("Take in the points of an earlier programme"), form=form)
        return TemplateResponse(request, "loyalty/admin/balances_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show what a file would do, how far it is, or what came of it."""
        if not object_id.isdecimal():
            return redirect("admin:retention_loyalty_balanceimport_changelist")
        whole = self._get(request, int(object_id))
        found = {name: n for name, n in whole.found.items() if isinstance(n, int)}
        context = self._context(
            request,
            str(whole),
            original=whole,
            whole=whole,
            sentences=list(balance_words.of(found, trusts_accounts=whole.trusts_accounts)),
            notes=whole.found.get("notes", []),
            said=_said(whole),
            may_add=request.user.has_perm(IMPORT),
            rows=reverse("admin:retention_loyalty_balanceline_changelist") + f"?whole__id__exact={whole.pk}",
        )
        return TemplateResponse(request, "loyalty/admin/balances.html", context)

    def start(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say yes to a file."""
        if balances.start(self._post(request, pk), at=timezone.now()):
            messages.success(request, _("It is being taken in. You may close this page."))
        return redirect("admin:retention_loyalty_balanceimport_change", pk)

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Throw away a file that was only looked at."""
        if balances.throw_away(self._post(request, pk)):
            messages.success(request, _("The file is thrown away. Nobody got a point."))
        return redirect("admin:retention_loyalty_balanceimport_changelist")

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how far a file is, for the script of its page."""
        return JsonResponse(_said(self._get(request, pk)))

    def _get(self, request: HttpRequest, pk: int) -> BalanceImport:
        whole = get_object_or_404(BalanceImport.objects.select_related("job"), pk=pk)
        if not (self.has_view_permission(request, whole) or request.user.has_perm(IMPORT)):
            raise PermissionDenied
        return whole

    def _post(self, request: HttpRequest, pk: int) -> BalanceImport:
        if request.method != "POST" or not request.user.has_perm(IMPORT):
            raise PermissionDenied
        return self._get(request, pk)

    def _context(self, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **more}


@admin.register(BalanceLine)
class BalanceLineAdmin(ReadOnlyAdmin):
    list_display = ("line", "points", "expires_at", "state", "why", "whose")
    list_filter = ("state", "source")
    list_select_related = ("whole", "entry", "customer")
    search_fields = ("=number", "=customer__id")
    ordering = ("-whole", "line")
    fields = ("whole", "line", "points", "expires_at", "state", "why", "whose", "changed_at")
    readonly_fields = ("why", "whose")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show addresses to those alone who may see personal data."""
        personal = ("address", "number") if request.user.has_perm(PERSONAL) else ()
        return (*self.list_display, *personal)

    @admin.display(description=gettext_lazy("why"))
    def why(self, row: BalanceLine) -> str:
        return str(REASONS.get(row.reason, ""))

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: BalanceLine) -> str:
        if row.customer_id is None:
            return ""
        url = reverse("admin:retention_customer_change", args=[row.customer_id])
        return format_html('<a href="{}">{}</a>', url, row.customer)


def _words(whole: BalanceImport) -> str:
    if whole.job is None:
        return _("Looked at; nothing is taken in yet.")
    states = {Job.State.RUNNING: _("Being taken in"), Job.State.DONE: _("Taken in"), Job.State.FAILED: _("Stopped")}
    return _("%(state)s: %(done)s of %(lines)s lines.") % {
        "state": states[Job.State(whole.job.state)],
        "done": counts.show(whole.job.done),
        "lines": counts.show(whole.lines),
    }


def _said(whole: BalanceImport) -> dict[str, Any]:
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
