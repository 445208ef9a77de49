"""Challenges."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import challenge_section, challenge_words, present_words
from loyalty.admin import links
from loyalty.admin.challenge_forms import ChallengeForm
from loyalty.admin.confirming import ConfirmedAdmin, Sentence, told
from loyalty.admin.trading import TradingFormSet, a_name_of_its_own
from loyalty.models import Challenge, ChallengeGoods
from loyalty.services import challenge_reach
from retention.admin.base import INLINE

ALWAYS = ("name", "words", "active")
"""What may change while people take part."""


class GoodsFormSet(TradingFormSet):
    aside = MappingProxyType({"reference": a_name_of_its_own()})


class GoodsInline(INLINE):
    model = ChallengeGoods
    formset = GoodsFormSet
    fields = ("kind", "reference")
    extra = 0
    verbose_name_plural = gettext_lazy("goods that alone count; none: everything counts")

    def _is_open(self, obj: Challenge | None) -> bool:
        return obj is None or not obj.participations.exists()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and bool(super().has_delete_permission(request, obj))


@admin.register(Challenge)
class ChallengeAdmin(ConfirmedAdmin):
    form = ChallengeForm
    list_display = ("name", "active", "starts_at", "ends_at", "taking_part")
    list_filter = ("active", "goal", "span")
    search_fields = ("name",)
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "-pk")
    fieldsets = (
        (None, {"fields": ALWAYS}),
        (gettext_lazy("What is asked"), {"fields": ("goal", "how_much", "currency")}),
        (gettext_lazy("When"), {"fields": ("starts_at", "ends_at", "span", "days", "return_days")}),
        (gettext_lazy("Who"), {"fields": ("automatic", "who")}),
        (gettext_lazy("What it brings"), {"fields": ("gives", "points", "offer", "most")}),
        (gettext_lazy("What it does"), {"fields": ("does",)}),
    )
    readonly_fields = ("does",)
    inlines = (GoodsInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Challenge]:
        rows: QuerySet[Challenge] = super().get_queryset(request)
        return rows.annotate(people=Count("participations"))

    def get_fieldsets(self, request: HttpRequest, obj: Challenge | None = None) -> Any:
        if obj is not None and obj.participations.exists():
            words = _(
                "People take part: what it asks and gives stays as it is. To ask for something else, make another."
            )
            return (
                (None, {"fields": ALWAYS, "description": words}),
                (_("What it does"), {"fields": ("does",)}),
            )
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": (*ALWAYS, "does")}),)
        return super().get_fieldsets(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.participations.exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    @admin.display(description=gettext_lazy("taking part"), ordering="people")
    def taking_part(self, challenge: Any) -> str:
        return links.listing("participation", challenge.people, challenge__id__exact=challenge.pk)

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, challenge: Challenge) -> str:
        if challenge.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in told(self.consequences(challenge))))

    def consequences(self, saved: Challenge) -> Iterable[Sentence]:
        terms = present_words.terms_of([saved.offer_id])
        yield from challenge_words.does(saved, terms, challenge_section.titles([saved]))
        sought, now = challenge_reach.sought(saved), timezone.now()
        yield lambda: challenge_words.reach(challenge_reach.count(sought, at=now))
        others = list(challenge_reach.overlapping(saved)[:5]) if saved.active else []
        if others:
            yield challenge_words.overlap(others)

    def save_model(self, request: HttpRequest, obj: Challenge, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
