"""Consent and its evidence, suppressions, and prompts, to look at."""

from __future__ import annotations

from django.contrib import admin

from retention.admin.base import ReadOnlyAdmin
from retention.models import CheckoutChoice, ConsentEvidence, Prompt, Suppression


@admin.register(ConsentEvidence)
class ConsentEvidenceAdmin(ReadOnlyAdmin):
    list_display = ("customer", "purpose", "granted", "basis", "source", "at")
    list_filter = ("purpose", "granted", "basis")
    search_fields = ("=customer__pk", "source")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    list_select_related = ("customer",)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ("pk", "scope", "reason", "at")
    list_filter = ("scope", "reason")
    ordering = ("-at",)


@admin.register(CheckoutChoice)
class CheckoutChoiceAdmin(ReadOnlyAdmin):
    list_display = ("order", "opted_out", "text_version", "language", "at", "applied_at")
    list_filter = ("opted_out",)
    search_fields = ("order",)
    ordering = ("-at",)


@admin.register(Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("name", "order", "variant", "shown_at", "accepted_at", "dismissed_at")
    list_filter = ("name", "variant")
    search_fields = ("order",)
    ordering = ("-shown_at",)
