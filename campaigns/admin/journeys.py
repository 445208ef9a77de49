"""Journeys: edited, put into words before they are saved, and who is in them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns import journey_words
from campaigns.admin import links
from campaigns.admin.condition_forms import ConditionInline
from campaigns.admin.confirming import ConfirmedAdmin
from campaigns.admin.journey_forms import JourneyForm, StepForm, StepFormSet
from campaigns.admin.journey_plan import plan
from campaigns.models import Enrolment, Journey, JourneyCondition, JourneyVersion, Step
from campaigns.services import enrolments, journeys
from retention.admin.base import INLINE, ReadOnlyAdmin, ReadOnlyInline, may

State = Enrolment.State


class JourneyConditionInline(ConditionInline):
    model = JourneyCondition


class StepInline(INLINE):
    model = Step
    form = StepForm
    formset = StepFormSet
    fields = ("position", "kind", "days", "hours", "mail", "offer", "survey", "action", "parameters")
    ordering = ("position", "pk")
    extra = 1


class VersionInline(ReadOnlyInline):
    model = JourneyVersion
    fields = ("number", "words", "made_at")
    readonly_fields = fields
    ordering = ("-number",)

    @admin.display(description=_("what it does"))
    def words(self, version: JourneyVersion) -> str:
        return " ".join(journey_words.sentences(version))


@admin.register(Journey)
class JourneyAdmin(ConfirmedAdmin):
    form = JourneyForm
    list_display = ("name", "state", "since", "under_way", "finished", "left", "dry")
    list_filter = ("state",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    readonly_fields = ("does", "who")
    inlines = (JourneyConditionInline, StepInline, VersionInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "state")}),
        (_("What it does now"), {"fields": ("does", "who")}),
        (_("Who, and until when"), {"fields": ("trigger", "once", "exits", "topic")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        def count(state: str) -> Count:
            return Count("versions__enrolments", filter=Q(versions__enrolments__state=state))

        rows = super().get_queryset(request)
        return rows.annotate(
            n_active=count(State.ACTIVE),
            n_finished=count(State.FINISHED),
            n_exited=count(State.EXITED),
            n_dry=count(State.DRY),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was done to whom is kept: switch it off instead

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # the short name is part of keys: another one would let people in again
        fixed = ("slug",) if obj else ()
        held = () if request.user.has_perm("retention_campaigns.start_journey") else ("state",)
        return (*self.readonly_fields, *fixed, *held)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    # What is to see

    @admin.display(description=_("under way"), ordering="n_active")
    def under_way(self, journey: Any) -> Any:
        return self._listing(journey, State.ACTIVE, journey.n_active)

    @admin.display(description=_("finished"), ordering="n_finished")
    def finished(self, journey: Any) -> Any:
        return self._listing(journey, State.FINISHED, journey.n_finished)

    @admin.display(description=_("left before the end"), ordering="n_exited")
    def left(self, journey: Any) -> Any:
        return self._listing(journey, State.EXITED, journey.n_exited)

    @admin.display(description=_("in the dry run"), ordering="n_dry")
    def dry(self, journey: Any) -> Any:
        return self._listing(journey, State.DRY, journey.n_dry)

    def _listing(self, journey: Journey, state: str, words: object) -> Any:
        return links.listing("enrolment", words, version__journey__id__exact=journey.pk, state__exact=state)

    @admin.display(description=_("in words"))
    def does(self, journey: Journey) -> Any:
        version = journeys.latest(journey) if journey.pk else None
        if version is None:
            return _("Nothing yet.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in journey_words.sentences(version)))

    @admin.display(description=_("who is in it"))
    def who(self, journey: Any) -> Any:
        if not journey.pk:
            return _("Nobody yet.")
        rows = (
            (_("under way"), self.under_way(journey)),
            (_("finished"), self.finished(journey)),
            (_("left before the end"), self.left(journey)),
            (_("in the dry run"), self.dry(journey)),
        )
        return format_html_join("", "<p>{}: {}</p>", rows)

    # Saving

    def save_model(self, request: HttpRequest, obj: Journey, form: JourneyForm, change: bool) -> None:
        form.wanted = obj.state  # type: ignore[attr-defined]  # switched by its service, once the steps are saved
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name != "state"])
        else:
            obj.state = Journey.State.OFF
            obj.save()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        journey, now = form.instance, timezone.now()
        last = journeys.latest(journey)
        journey.state = form.wanted
        version = journeys.publish(journey, at=now)
        journeys.switch(journey, form.wanted, at=now)
        self.ask(request, plan(journey, version, before=last.number if last else 0, at=now))


class FailingFilter(admin.SimpleListFilter):
    title = _("error")
    parameter_name = "failing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("1", _("a step failed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.exclude(error="") if self.value() else queryset


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    list_display = ("pk", "journey", "who", "order", "state", "reason", "next_step", "due_at", "entered_at")
    list_filter = ("state", "version__journey", FailingFilter)
    search_fields = ("order", "key", "=customer__pk")
    date_hierarchy = "entered_at"
    ordering = ("-entered_at", "-pk")
    list_select_related = ("version__journey", "customer")
    exclude = ("customer",)
    readonly_fields = ("who", "next_step")
    actions = ("try_again", "take_out")
    has_end_permission = may("retention_campaigns.end_enrolment")

    @admin.display(description=_("journey"), ordering="version__journey__name")
    def journey(self, row: Enrolment) -> str:
        return str(row.version)

    @admin.display(description=_("customer"))
    def who(self, row: Enrolment) -> Any:
        return links.customer(row.customer)

    @admin.display(description=_("next step"))
    def next_step(self, row: Enrolment) -> str:
        steps = row.version.steps
        waiting = row.state in (State.ACTIVE, State.STUCK) and row.step < len(steps)
        return journey_words.sentence(steps[row.step]) if waiting else ""

    @admin.action(description=_("Try again (for stuck ones)"), permissions=["end"])
    def try_again(self, request: HttpRequest, chosen: Any) -> None:
        self._say(request, chosen, sum(enrolments.retry(row, at=timezone.now()) for row in chosen))

    @admin.action(description=_("Take out of the journey"), permissions=["end"])
    def take_out(self, request: HttpRequest, chosen: Any) -> None:
        rows = [row for row in chosen if row.state in (State.ACTIVE, State.STUCK)]
        reason = f"taken out by staff {request.user.pk}"
        self._say(request, chosen, enrolments.end(rows, reasons={row.key: reason for row in rows}, at=timezone.now()))

    def _say(self, request: HttpRequest, chosen: Any, done: int) -> None:
        left = len(chosen) - done
        if done:
            self.message_user(request, ngettext("%d passage done.", "%d passages done.", done) % done)
        if left:
            self.message_user(
                request,
                ngettext(
                    "%d passage was left as it is: its state does not allow it.",
                    "%d passages were left as they are: their state does not allow it.",
                    left,
                )
                % left,
                level=messages.WARNING,
            )
