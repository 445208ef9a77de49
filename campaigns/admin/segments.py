"""Segments: whom they mean in words before they are saved, and who that is now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import segment_words
from campaigns.admin.condition_forms import ConditionInline
from campaigns.admin.confirming import ConfirmedAdmin
from campaigns.admin.segment_forms import RuleForm, RuleFormSet
from campaigns.admin.segment_pages import SegmentPages
from campaigns.admin.segment_plan import SegmentPlan
from campaigns.models import Segment, SegmentRule
from campaigns.services import segment_book, segment_uses, segments


class RuleInline(ConditionInline):
    model = SegmentRule
    form = RuleForm
    formset = RuleFormSet
    fields = ("negated", "condition")
    ordering = ("pk",)


@admin.register(Segment)
class SegmentAdmin(SegmentPages, ConfirmedAdmin):
    list_display = ("name", "kind", "whom")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    ordering = ("name", "pk")
    inlines = (RuleInline,)
    actions = ("count_people",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("rules")

    def get_fieldsets(self, request: HttpRequest, obj: Segment | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("name", "slug", "kind", "match")}),)
        said = ("whom", "match") if obj.kind == Segment.Kind.RULES else ()
        broken = ("broken",) if segments.meaning(obj.slug, at=timezone.now()).faults else ()
        return (
            (None, {"fields": ("name", "slug", "kind", *said)}),
            (_("Who is in it now"), {"fields": (*broken, "now", "used_by")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # offers and journeys name a segment by its short name
        return ("slug", "kind", "whom", "broken", "now", "used_by") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def get_inlines(self, request: HttpRequest, obj: Segment | None) -> Any:
        return () if obj and obj.kind == Segment.Kind.LIST else self.inlines

    def get_urls(self) -> list[URLPattern]:
        return [*self.page_urls(), *super().get_urls()]

    # What is to see

    @admin.display(description=_("whom it means"))
    def whom(self, segment: Segment) -> str:
        return segment_words.whom(segment_book.definition(segment))

    @admin.display(description=_("customers"))
    def now(self, segment: Segment) -> Any:
        count = segments.people(segment, at=timezone.now()).count()
        links = [(self.page("people", segment), _("Look at them"))]
        if segment.kind == Segment.Kind.LIST:
            links.append((self.page("upload", segment), _("Put people on the list")))
        return format_html(
            "<strong>{}</strong> {}",
            segment_words.customers(count),
            format_html_join(" · ", '<a href="{}">{}</a>', links),
        )

    @admin.display(description=_("what is wrong"))
    def broken(self, segment: Segment) -> Any:
        faults = segments.meaning(segment.slug, at=timezone.now()).faults
        said = ((f"{fault.what}.", fault.cure) for fault in faults)
        return format_html_join("", '<p class="errornote campaigns-fault">{} {}</p>', said)

    @admin.display(description=_("asked for by"))
    def used_by(self, segment: Segment) -> Any:
        uses = segment_uses.uses(segment, at=timezone.now())
        if not uses:
            return _("Nothing yet.")
        links = ((reverse(f"admin:retention_campaigns_{use.model}_change", args=[use.pk]), use.words) for use in uses)
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    @admin.action(description=_("Count who is in the chosen segments now"), permissions=["view"])
    def count_people(self, request: HttpRequest, chosen: Any) -> None:
        known, at = segment_book.book(), timezone.now()
        for segment in chosen:
            count = segments.matching(segments.meaning(segment.slug, at=at, within=known)).count()
            self.message_user(request, f"{segment.name}: {segment_words.customers(count)}", level=messages.INFO)

    # Saving and deleting

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        segment = self.get_queryset(request).get(pk=form.instance.pk)
        definition = segment_book.definition(segment)
        plan = SegmentPlan(segment=segment, definition=definition, new=not change, at=timezone.now())
        self.ask(request, plan)  # type: ignore[arg-type]  # it has all that a plan has, reckoned late

    def response_add(self, request: HttpRequest, obj: Segment, post_url_continue: Any = None) -> HttpResponse:
        response = super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(self.page("upload", obj)) if obj.kind == Segment.Kind.LIST else response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say which offers, journeys and segments still ask for what is to be deleted."""
        deleted, counts, perms, protected = super().get_deleted_objects(objs, request)
        for segment in objs:
            for use in segment_uses.uses(segment, at=timezone.now()):
                url = reverse(f"admin:retention_campaigns_{use.model}_change", args=[use.pk])
                link = format_html('<a href="{}">{}</a>', url, use.words)
                protected.append(
                    format_html(
                        gettext("“{segment}” is asked for by {use}: take the condition out there first."),
                        segment=segment,
                        use=link,
                    )
                )
        return deleted, counts, perms, protected

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        segment_uses.delete(obj, at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for segment in queryset:
            segment_uses.delete(segment, at=timezone.now())
