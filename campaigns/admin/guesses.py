"""Tries of codes that do not exist, by hour and prefix."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.models import Guess
from retention.admin.base import ReadOnlyAdmin


@admin.register(Guess)
class GuessAdmin(ReadOnlyAdmin):
    list_display = ("hour", "under", "count")
    list_display_links = None
    search_fields = ("=prefix",)
    date_hierarchy = "hour"
    ordering = ("-hour", "-count", "prefix")

    @admin.display(description=_("prefix"), ordering="prefix")
    def under(self, guess: Guess) -> str:
        return guess.prefix or str(_("none of yours"))
