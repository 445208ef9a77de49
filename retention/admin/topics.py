"""Topics of marketing mail, with their words by language, and how many people have left each out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from retention.admin.base import INLINE, Admin
from retention.models import Topic, TopicChoice, TopicWords
from retention.services import topics


class WordsForm(forms.ModelForm):
    """A topic in one of the shop's languages."""

    class Meta:
        model = TopicWords
        fields = ("language", "name", "about")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"] = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


class WordsInline(INLINE):
    model = TopicWords
    form = WordsForm
    extra = 0
    min_num = 1
    validate_min = True
    verbose_name = _("words in a language")
    verbose_name_plural = _("words, by language; who reads another language sees the shop's own")


@admin.register(Topic)
class TopicAdmin(Admin):
    list_display = ("slug", "name", "position", "active", "left_out", "chosen")
    list_editable = ("position",)
    list_filter = ("active",)
    search_fields = ("slug", "words__name")
    ordering = ("position", "slug")
    inlines = (WordsInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        def people(wanted: bool) -> Any:
            rows = TopicChoice.objects.filter(topic=OuterRef("pk"), wanted=wanted).order_by().values("topic")
            return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")), 0)

        rows: QuerySet[Topic] = super().get_queryset(request)
        return rows.prefetch_related("words").annotate(n_left_out=people(False), n_chosen=people(True))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # the name in links and lists is in messages, journeys and sign-up forms
        return ("slug",) if obj else ()

    @admin.display(description=_("name"))
    def name(self, topic: Topic) -> str:
        return topics.name_of(topic, get_language() or "")

    @admin.display(description=_("left out by"), ordering="n_left_out")
    def left_out(self, topic: Any) -> int:
        return int(topic.n_left_out)

    @admin.display(description=_("chosen by name by"), ordering="n_chosen")
    def chosen(self, topic: Any) -> int:
        return int(topic.n_chosen)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            # by the hundred, in transactions of its own: many may have named what they want
            transaction.on_commit(lambda: self.hold_back(request, form.instance))

    def hold_back(self, request: HttpRequest, topic: Topic) -> None:
        """Leave the new topic out for who has named those they want, and say for how many."""
        held = topics.hold_back(topic, at=timezone.now())
        words = ngettext(
            "%(n)s person who has named the topics they want gets it only when they tick it.",
            "%(n)s people who have named the topics they want get it only when they tick it.",
            held,
        )
        if held:
            self.message_user(request, words % {"n": held})
