"""What a dry run of a tier table has found, and the button that saves the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import tier_words
from loyalty.models import TierTrial, TierTrialCount, TierTrialMove
from loyalty.services.tier_rules import Rules
from retention import counts, csv_cells
from retention.admin.base import ReadOnlyAdmin
from retention.models import Job

ON_A_PAGE = 100
COLUMNS = ("customer", "from", "to", "way", "counts")
WAYS = {"up": True, "down": False}


@admin.register(TierTrial)
class TierTrialAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at", "made_by", "state")
    list_select_related = ("job",)
    ordering = ("-created_at",)

    @admin.display(description=gettext_lazy("state"))
    def state(self, trial: TierTrial) -> str:
        return trial.job.get_state_display()

    def get_urls(self) -> list[URLPattern]:
        pages = {"progress": self.progress, "export": self.export}
        return [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"retention_loyalty_tiertrial_{name}")
            for name, view in pages.items()
        ] + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how far it is, how many would stand where, and who would move."""
        if not object_id.isdecimal():
            return redirect("admin:retention_loyalty_tiertrial_changelist")
        trial = self._trial(request, int(object_id))
        way = request.GET.get("way", "")
        moves = TierTrialMove.objects.filter(trial=trial).select_related("customer").order_by("pk")
        if way in WAYS:
            moves = moves.filter(up=WAYS[way])
        page = Paginator(moves, ON_A_PAGE).get_page(request.GET.get("page"))
        rules = Rules.from_json(trial.rules)
        save = (
            reverse("admin:retention_loyalty_tiertable_change", args=[trial.table_id])
            if trial.table_id
            else reverse("admin:retention_loyalty_tiertable_add")
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Who would move: %(name)s") % {"name": trial.name},
            "original": trial,
            "trial": trial,
            "job": trial.job,
            "said": _said(trial.job),
            "sentences": list(_sentences(trial)),
            "stands": _stands(trial, rules),
            "page": page,
            "rows": [_row(move, rules) for move in page.object_list],
            "way": way,
            "form": trial.form,
            "save_url": save,
            "may_save": request.user.has_perm(
                "retention_loyalty.change_tiertable" if trial.table_id else "retention_loyalty.add_tiertable"
            ),
        }
        return TemplateResponse(request, "loyalty/admin/tier_trial.html", context)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how far it is, for the script of the page."""
        response = JsonResponse(_said(self._trial(request, pk).job))
        response["Cache-Control"] = "no-store"
        return response

    def export(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        """Send who would move as CSV, by our numbers of the customers."""
        if request.method != "POST":
            raise PermissionDenied
        trial = self._trial(request, pk)
        return StreamingHttpResponse(
            csv_cells.lines(COLUMNS, _lines(trial)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="tiers-{pk}-{timezone.now():%Y-%m-%d}.csv"'},
        )

    def _trial(self, request: HttpRequest, pk: int) -> TierTrial:
        trial = get_object_or_404(TierTrial.objects.select_related("job"), pk=pk)
        if not self.has_view_permission(request, trial):
            raise PermissionDenied
        return trial


def _said(job: Job) -> dict[str, Any]:
    states = {
        Job.State.RUNNING: _("Looking at the customers"),
        Job.State.DONE: _("All customers were looked at"),
        Job.State.FAILED: _("It stopped: try the table again"),
    }
    words = _("%(state)s: %(done)s of %(all)s.") % {
        "state": states[Job.State(job.state)],
        "done": counts.show(job.done),
        "all": counts.show(job.total or 0),
    }
    return {"state": job.state, "done": job.done, "of": job.total or 1, "words": words, "still": ""}


def _sentences(trial: TierTrial) -> Iterator[str]:
    """Yield what would become of the customers."""
    moves = TierTrialMove.objects.filter(trial=trial)
    up, down = moves.filter(up=True).count(), moves.filter(up=False).count()
    everybody = sum(TierTrialCount.objects.filter(trial=trial).values_list("people", flat=True))
    yield ngettext("%(n)s customer would go up.", "%(n)s customers would go up.", up) % {"n": counts.show(up)}
    yield ngettext("%(n)s customer would go down.", "%(n)s customers would go down.", down) % {"n": counts.show(down)}
    rest = everybody - up - down
    yield ngettext("%(n)s customer would stay.", "%(n)s customers would stay.", rest) % {"n": counts.show(rest)}
    kept = sum(TierTrialCount.objects.filter(trial=trial, kept=True).values_list("people", flat=True))
    if kept:
        yield ngettext(
            "%(n)s of them stays only until the term or the grace ends.",
            "%(n)s of them stay only until their term or their grace ends.",
            kept,
        ) % {"n": counts.show(kept)}


def _stands(trial: TierTrial, rules: Rules) -> list[tuple[str, str, str]]:
    """Return tier, how many stand there now, how many would."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for old, new, people in TierTrialCount.objects.filter(trial=trial).values_list("old_name", "new_name", "people"):
        before[old] += people
        after[new] += people
    names = [rung.name for rung in rules.rungs]
    gone = sorted(before.keys() - set(names) - {""})
    return [(name or _("no tier"), counts.show(before[name]), counts.show(after[name])) for name in ["", *names, *gone]]


def _row(move: TierTrialMove, rules: Rules) -> dict[str, Any]:
    return {
        "customer": move.customer,
        "old": move.old_name or "–",
        "new": move.new_name or "–",
        "way": _("up") if move.up else _("down"),
        "counts": tier_words.amount(move.qualified_minor, metric=rules.metric, currency=rules.currency),
    }


def _lines(trial: TierTrial) -> Iterator[tuple[Any, ...]]:
    rows = TierTrialMove.objects.filter(trial=trial).order_by("pk")
    columns = ("customer_id", "old_name", "new_name", "up", "qualified_minor")
    for customer, old, new, up, minor in rows.values_list(*columns).iterator(chunk_size=2000):
        yield customer, old, new, "up" if up else "down", minor
