"""Surveys, whom they asked, what was answered, and the score."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import questions, survey_words
from campaigns.admin import links
from campaigns.admin.confirming import ConfirmedAdmin
from campaigns.admin.offer_plan import Plan
from campaigns.models import Answer, Invitation, Survey
from campaigns.services import scores
from retention.admin.base import ReadOnlyAdmin

PERIODS = (30, 90, 365)
"""Days that the score page can look back."""


class SurveyForm(forms.ModelForm):
    class Meta:
        model = Survey
        fields = (
            "name", "slug", "kind", "question", "low_words", "high_words", "low_score", "after_delivered",
            "after_fulfilled", "after_placed", "remind_after", "open_days", "edit_days",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = Survey.SCALES.get(data.get("kind") or self.instance.kind, (0, 10))
        low = data.get("low_score")
        if low is not None and not first <= low < last:
            self.add_error("low_score", _("From %(first)s to below %(last)s.") % {"first": first, "last": last})
        return data


@admin.register(Survey)
class SurveyAdmin(ConfirmedAdmin):
    form = SurveyForm
    list_display = ("name", "kind", "score", "answers", "page")
    search_fields = ("name", "slug")
    ordering = ("name",)
    readonly_fields = ("score", "answers", "page")
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind")}),
        (gettext_lazy("What it asks"), {"fields": ("question", "low_words", "high_words", "low_score")}),
        (gettext_lazy("When"), {
            "fields": ("after_delivered", "after_fulfilled", "after_placed", "remind_after", "open_days", "edit_days"),
        }),
        (gettext_lazy("What came of it"), {"fields": ("score", "answers", "page")}),
    )  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # answers are kept: take it out of its journey instead

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # scores of another scale cannot be compared
        return (*self.readonly_fields, "slug", "kind") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    @admin.display(description=gettext_lazy("score"))
    def score(self, survey: Survey) -> str:
        return survey_words.value(scores.of(survey)) if survey.pk else ""

    @admin.display(description=gettext_lazy("answers"))
    def answers(self, survey: Survey) -> str:
        return survey_words.answers(scores.of(survey)) if survey.pk else ""

    @admin.display(description=gettext_lazy("more"))
    def page(self, survey: Survey) -> Any:
        if not survey.pk:
            return ""
        url = reverse("admin:retention_campaigns_survey_score", args=[survey.pk])
        return format_html('<a href="{}">{}</a>', url, _("Score, definition and answers"))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        survey = form.instance
        effects = [_("Invitations that are planned keep their time until their order is sent or delivered.")]
        self.ask(request, Plan(name=survey.name, sentences=list(survey_words.sentences(survey)), effects=effects))

    # The score

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.score_view)
        return [path("<int:pk>/score/", view, name="retention_campaigns_survey_score"), *super().get_urls()]

    def score_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the score with the number of answers, its interval, its definition and the response rate."""
        survey = Survey.objects.filter(pk=pk).first()
        if survey is None:
            raise Http404
        if not self.has_view_permission(request, survey):
            raise PermissionDenied
        asked = request.GET.get("days", "")
        days = int(asked) if asked in {str(period) for period in PERIODS} else None
        since = timezone.now() - timedelta(days=days) if days else None
        score = scores.of(survey, since=since)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": survey.name,
            "survey": survey,
            "question": questions.question(survey),
            "ends": questions.ends(survey),
            "score": score,
            "value": survey_words.value(score),
            "answers": survey_words.answers(score),
            "definition": survey_words.definition(survey),
            "rows": [
                (number, count, round(100 * count / score.answers) if score.answers else 0)
                for number in survey.scale
                for count in [score.counts.get(number, 0)]
            ],
            "periods": PERIODS,
            "days": days,
            "list_url": reverse("admin:retention_campaigns_answer_changelist") + f"?survey__id__exact={survey.pk}",
        }
        return TemplateResponse(request, "campaigns/admin/score.html", context)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("pk", "survey", "who", "order", "state", "reason", "due_at", "sent_at", "reminded_at")
    list_filter = ("state", "survey")
    search_fields = ("order", "=customer__pk")
    date_hierarchy = "due_at"
    ordering = ("-due_at", "-pk")
    list_select_related = ("survey", "customer")
    exclude = ("customer",)
    readonly_fields = ("who",)

    @admin.display(description=gettext_lazy("customer"))
    def who(self, row: Invitation) -> Any:
        return links.customer(row.customer)


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    list_display = ("pk", "survey", "score", "who", "order", "answered_at", "has_comment")
    list_filter = ("survey", "score")
    search_fields = ("invitation__order", "=invitation__customer__pk")
    date_hierarchy = "answered_at"
    ordering = ("-answered_at", "-pk")
    list_select_related = ("survey", "invitation__customer")
    readonly_fields = ("who", "order")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        written = ("comment",) if request.user.has_perm("retention_campaigns.view_comment") else ()
        return ("survey", "who", "order", "score", *written, "answered_at", "changed_at")

    @admin.display(description=gettext_lazy("customer"))
    def who(self, row: Answer) -> Any:
        return links.customer(row.invitation.customer)

    @admin.display(description=gettext_lazy("order"))
    def order(self, row: Answer) -> Any:
        return links.order(row.invitation.order)

    @admin.display(description=gettext_lazy("comment"), boolean=True)
    def has_comment(self, row: Answer) -> bool:
        return bool(row.comment)
