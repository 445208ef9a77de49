"""Gifts on every so many orders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import gift_words, present_words
from loyalty.admin import links
from loyalty.admin.confirming import ConfirmedAdmin, Sentence, told
from loyalty.admin.gift_forms import GiftForm
from loyalty.models import GiftPlan, GiftVersion, Present
from loyalty.services import gift_plans
from retention.admin.base import ReadOnlyInline


class VersionInline(ReadOnlyInline):
    """What was promised when: never edited."""

    model = GiftVersion
    fields = ("every", "gives", "offer", "points", "thing", "starts_at", "ends_at", "made_by")
    readonly_fields = fields
    ordering = ("-starts_at", "-pk")
    verbose_name_plural = gettext_lazy("versions: a change makes a new one, for rounds that begin from then on")


@admin.register(GiftPlan)
class GiftPlanAdmin(ConfirmedAdmin):
    form = GiftForm
    list_display = ("name", "is_on", "every", "surprise", "given")
    list_filter = ("surprise",)
    search_fields = ("name",)
    ordering = ("name", "pk")
    fieldsets = (
        (None, {"fields": ("name", "on", "every", "gives", "offer", "points", "thing")}),
        (gettext_lazy("What counts"), {"fields": ("minimums", "begins", "count_before", "surprise")}),
        (gettext_lazy("What it does"), {"fields": ("does", "presents")}),
    )
    readonly_fields = ("does", "presents")
    inlines = (VersionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GiftPlan]:
        rows: QuerySet[GiftPlan] = super().get_queryset(request)
        return rows.prefetch_related("versions")

    def get_fieldsets(self, request: HttpRequest, obj: GiftPlan | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": ("name", "surprise", "count_before", "does", "presents")}),)
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: GiftPlan | None = None) -> tuple[str, ...]:
        given = obj is not None and Present.objects.filter(version__plan=obj).exists()
        return (*self.readonly_fields, "count_before") if given else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was promised is kept: switch it off

    @admin.display(description=gettext_lazy("on"), boolean=True)
    def is_on(self, plan: GiftPlan) -> bool:
        return _current(plan) is not None

    @admin.display(description=gettext_lazy("every"))
    def every(self, plan: GiftPlan) -> str:
        current = _current(plan)
        return str(current.every) if current else "–"

    @admin.display(description=gettext_lazy("gifts that stand"))
    def given(self, plan: GiftPlan) -> str:
        return links.listing("present", Present.objects.standing().filter(version__plan=plan).count(), plan=plan.pk)

    @admin.display(description=gettext_lazy("gifts given"))
    def presents(self, plan: GiftPlan) -> str:
        if plan.pk is None:
            return "–"
        return format_html("{}", self.given(plan))

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, plan: GiftPlan) -> str:
        if plan.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in told(self.consequences(plan))))

    def consequences(self, saved: GiftPlan) -> Iterable[Sentence]:
        version = GiftVersion.objects.filter(plan=saved, ends_at=None).select_related("plan", "offer").first()
        yield from gift_words.does(saved, version, present_words.terms_of([version.offer_id] if version else []))
        if version is not None:
            minimums = {row.currency: row.minimum_minor for row in version.minimums.all()}
            every, now = version.every, timezone.now()
            yield lambda: gift_words.reach(*gift_plans.reach(every, minimums=minimums, at=now), every)

    def save_model(self, request: HttpRequest, obj: GiftPlan, form: Any, change: bool) -> None:
        now = timezone.now()
        if not change:
            obj.created_at = now
        super().save_model(request, obj, form, change)
        if form.cleaned_data["on"]:
            at = max(now, form.cleaned_data["begins"] or now)
            gift_plans.promise(obj, form.said(), at=at, by=request.user.get_username())
        else:
            gift_plans.end(obj, at=now)


def _current(plan: GiftPlan) -> GiftVersion | None:
    return next((version for version in plan.versions.all() if version.ends_at is None), None)
