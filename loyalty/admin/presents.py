"""Presents and participations, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from campaigns.admin import links as campaign_links
from loyalty import present_words
from loyalty.admin import links
from loyalty.models import GiftPlan, Participation, Present
from retention.admin.base import ReadOnlyAdmin


class PlanFilter(admin.SimpleListFilter):
    title = gettext_lazy("gift")
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(plan.pk), plan.name) for plan in GiftPlan.objects.order_by("name", "pk")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Present]) -> QuerySet[Present]:
        value = self.value() or ""
        return queryset.filter(version__plan=int(value)) if value.isascii() and value.isdecimal() else queryset


@admin.register(Present)
class PresentAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "whose", "why", "gives", "state", "waits", "due_at", "given_at")
    list_filter = ("state", "gives", PlanFilter, "participation__challenge")
    list_select_related = ("customer", "version__plan", "participation__challenge")
    fields = (
        "whose", "why", "what", "state", "waits", "of_order", "its_coupon", "its_entry", "its_task", "due_at",
        "given_at", "undone_at",
    )  # fmt: skip
    readonly_fields = ("whose", "why", "what", "of_order", "its_coupon", "its_entry", "its_task")
    search_fields = ("=customer__id", "=order", "=coupon__code")
    date_hierarchy = "due_at"
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: Present) -> str:
        return campaign_links.customer(row.customer)

    @admin.display(description=gettext_lazy("for"))
    def why(self, row: Present) -> str:
        if row.version is not None:
            return links.row("giftplan", row.version.plan_id, row.version.plan)
        assert row.participation is not None
        return links.row("challenge", row.participation.challenge_id, row.participation.challenge)

    @admin.display(description=gettext_lazy("what it is"))
    def what(self, row: Present) -> str:
        return present_words.what(row, present_words.terms_of([row.offer_id]))

    @admin.display(description=gettext_lazy("order"))
    def of_order(self, row: Present) -> str:
        return campaign_links.order(row.order) or "–"

    @admin.display(description=gettext_lazy("coupon"))
    def its_coupon(self, row: Present) -> str:
        return campaign_links.coupon(row.coupon) if row.coupon else "–"

    @admin.display(description=gettext_lazy("entry of the ledger"))
    def its_entry(self, row: Present) -> str:
        return links.row("entry", row.entry_id, row.entry) if row.entry_id else "–"

    @admin.display(description=gettext_lazy("task for staff"))
    def its_task(self, row: Present) -> str:
        return f"{row.task} ({row.task.get_state_display()})" if row.task else "–"


@admin.register(Participation)
class ParticipationAdmin(ReadOnlyAdmin):
    list_display = ("whose", "challenge", "state", "progress", "wins", "starts_at", "ends_at", "closed_at")
    list_filter = ("state", "challenge")
    list_select_related = ("customer", "challenge")
    fields = ("whose", "challenge", "state", "progress", "wins", "joined_at", "starts_at", "ends_at", "closes_at",
              "closed_at")  # fmt: skip
    readonly_fields = ("whose",)
    search_fields = ("=customer__id",)
    date_hierarchy = "joined_at"
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: Participation) -> str:
        return campaign_links.customer(row.customer)
