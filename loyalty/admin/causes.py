"""Causes, what orders and points give to them, and what was paid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.admin import links as campaign_links
from loyalty import giving_words
from loyalty.admin.cause_forms import PayoutForm, PledgeForm, PledgeFormSet
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Cause, Contribution, Donation, Payout, Pledge, Reward
from loyalty.services import causes
from retention import csv_cells
from retention.admin.base import INLINE, ReadOnlyAdmin, may
from retention.money import show, to_decimal


class PledgeInline(INLINE):
    model = Pledge
    form = PledgeForm
    formset = PledgeFormSet
    extra = 1
    can_delete = False
    fields = ("currency", "amount", "percent", "starts_at", "ends_at")
    readonly_fields = ("starts_at", "ends_at")
    ordering = ("ends_at", "currency", "starts_at")
    verbose_name_plural = gettext_lazy(
        "pledges: a new one takes the place of the one before it, for orders from now on"
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @admin.display(description=gettext_lazy("for each order"))
    def amount(self, pledge: Pledge) -> str:
        """For pledges that are there; a new one has a field of this name."""
        return show(pledge.amount_minor, pledge.currency) if pledge.amount_minor is not None else "–"


@admin.register(Cause)
class CauseAdmin(ConfirmedAdmin):
    change_list_template = "loyalty/admin/causes.html"
    list_display = ("name", "active", "owed", "show_total")
    list_filter = ("active",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "words", "url", "active", "show_total", "does", "owed")
    readonly_fields = ("does", "owed")
    inlines = (PledgeInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what was promised is kept: switch it off

    @admin.display(description=gettext_lazy("owed"))
    def owed(self, cause: Cause) -> str:
        found = [one for one in causes.owed() if one.cause.pk == cause.pk] if cause.pk else []
        lines = ((giving_words.owed(one), self._pay(one)) for one in found)
        return format_html_join("", "<p>{} {}</p>", lines) or "–"

    @staticmethod
    def _pay(one: causes.Owed) -> str:
        """Return a link to the form of a payout, filled in with what is owed."""
        if one.owed_minor <= 0:
            return ""
        filled = {
            "cause": one.cause.pk,
            "currency": one.currency,
            "amount": to_decimal(one.owed_minor, one.currency),
        }
        url = f"{reverse('admin:retention_loyalty_payout_add')}?{urlencode(filled)}"
        return format_html('<a href="{}">{}</a>', url, _("Record a payout"))

    @admin.display(description=gettext_lazy("what it does"))
    def does(self, cause: Cause) -> str:
        if cause.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(cause)))

    def consequences(self, saved: Cause) -> Iterable[str]:
        pledges = Pledge.objects.current().filter(cause=saved).order_by("currency")
        rewards = Reward.objects.filter(cause=saved, active=True).order_by("position", "pk")
        return giving_words.does(saved, list(pledges), list(rewards))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Make new pledges through the service: what has given is superseded, never edited."""
        now, cause = timezone.now(), form.instance
        for row in formset.save(commit=False):
            causes.pledge(cause, currency=row.currency, amount_minor=row.amount_minor, percent=row.percent, at=now)
        if not cause.active:
            causes.end(cause, at=now)

    # The months as a table for the accountant

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.months)
        return [path("months.csv", view, name="retention_loyalty_cause_months"), *super().get_urls()]

    def months(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Answer what orders and points give, by month, cause and currency, as CSV."""
        if request.method != "GET" or not request.user.has_perm("retention_loyalty.view_contribution"):
            raise PermissionDenied
        columns = (_("Month"), _("Cause"), _("Currency"), _("Orders"), _("Donations of points"), _("Amount"))
        rows = (
            (
                month.month.strftime("%Y-%m"),
                month.cause.name,
                month.currency,
                month.orders,
                month.donations,
                str(to_decimal(month.given_minor, month.currency)),
            )
            for month in causes.months()
        )
        answer = StreamingHttpResponse(csv_cells.lines(columns, rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="giving-by-month.csv"'
        return answer


@admin.register(Contribution)
class ContributionAdmin(ReadOnlyAdmin):
    list_display = ("order", "cause", "amount", "month", "settled_at")
    list_filter = ("cause", "currency")
    list_select_related = ("cause",)
    fields = ("its_order", "whose", "cause", "amount", "month", "settled_at")
    readonly_fields = ("its_order", "whose", "amount")
    search_fields = ("=order", "=customer__id")
    date_hierarchy = "month"
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("order"))
    def its_order(self, row: Contribution) -> str:
        return campaign_links.order(row.order)

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: Contribution) -> str:
        return campaign_links.customer(row.customer)

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, row: Contribution) -> str:
        return show(row.amount_minor, row.currency)


@admin.register(Donation)
class DonationAdmin(ReadOnlyAdmin):
    list_display = ("its_claim", "cause", "points", "worth", "amount", "month")
    list_filter = ("cause", "currency")
    list_select_related = ("cause",)
    fields = ("its_claim", "whose", "cause", "points", "worth", "amount", "month", "settled_at")
    readonly_fields = ("its_claim", "whose", "amount")
    search_fields = ("=customer__id",)
    date_hierarchy = "month"
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("claimed reward"), ordering="claim")
    def its_claim(self, row: Donation) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:retention_loyalty_claim_change", args=[row.claim_id]), row.claim_id
        )

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: Donation) -> str:
        return campaign_links.customer(row.customer)

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, row: Donation) -> str:
        return show(row.amount_minor, row.currency)


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """What was paid: recorded once, never edited."""

    form = PayoutForm
    list_display = ("cause", "paid", "first_month", "last_month", "by", "at")
    list_filter = ("cause", "currency")
    list_select_related = ("cause",)
    date_hierarchy = "at"
    ordering = ("-pk",)

    has_add_permission = may("retention_loyalty.record_payout")

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def paid(self, row: Payout) -> str:
        return show(row.amount_minor, row.currency)

    def get_fields(self, request: HttpRequest, obj: Payout | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("cause", "currency", "amount", "first_month", "last_month", "note", "form_key")
        return ("cause", "paid", "first_month", "last_month", "note", "by", "at")

    def get_readonly_fields(self, request: HttpRequest, obj: Payout | None = None) -> tuple[str, ...]:
        return () if obj is None else ("paid",)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except (causes.MoreThanOwed, causes.KeyReused):  # somebody else was quicker, between the look and the save
            messages.error(
                request, _("Nothing was recorded: somebody has recorded a payout meanwhile. Please look again.")
            )
            return redirect("admin:retention_loyalty_payout_changelist")
        return response

    def save_model(self, request: HttpRequest, obj: Payout, form: Any, change: bool) -> None:
        data = form.cleaned_data
        made = causes.pay_out(
            data["cause"], currency=data["currency"], amount_minor=data["minor"], first_month=data["first_month"],
            last_month=data["last_month"], by=request.user.get_username(), key=data["form_key"], note=data["note"],
            at=timezone.now(),
        )  # fmt: skip
        obj.pk = made.pk
        obj.refresh_from_db()
