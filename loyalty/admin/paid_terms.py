"""Who is a paying member, until when and from which order; and giving and ending memberships by hand."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import paid_words
from loyalty.models import PaidMember, PaidTerm, Plan
from loyalty.services import paid_terms
from retention.admin.base import ReadOnlyAdmin
from retention.models import Customer

MAY_GRANT = "retention_loyalty.grant_membership"


class GrantForm(forms.Form):
    """Which membership, for how long, and why."""

    plan = forms.ModelChoiceField(Plan.objects.order_by("name"), label=gettext_lazy("Membership"), empty_label=None)
    months = forms.IntegerField(
        label=gettext_lazy("Months"),
        min_value=1,
        max_value=120,
        help_text=gettext_lazy("From now on, or from the end of what runs."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("Kept with your name.")
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


class EndForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("Kept with your name.")
    )


@admin.register(PaidMember)
class PaidMemberAdmin(ReadOnlyAdmin):
    list_display = ("whose", "plan", "since", "until", "told_until")
    list_filter = ("plan", ("until", admin.EmptyFieldListFilter))
    list_select_related = ("plan", "customer")
    fields = ("whose", "plan", "since", "until", "runs", "told_until", "terms")
    readonly_fields = ("whose", "terms")
    search_fields = ("=customer__id",)
    date_hierarchy = "until"
    ordering = ("-until", "pk")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: PaidMember) -> str:
        return _customer(row.customer_id)

    @admin.display(description=gettext_lazy("terms"))
    def terms(self, row: PaidMember) -> str:
        url = reverse("admin:retention_loyalty_paidterm_changelist")
        return format_html(
            '<a href="{}?customer__id__exact={}">{}</a>', url, row.customer_id, _("orders and grants behind it")
        )


@admin.register(PaidTerm)
class PaidTermAdmin(ReadOnlyAdmin):
    list_display = ("whose", "plan", "starts_at", "ends_at", "order", "units", "renews", "author", "ended_by")
    list_filter = ("plan", "renews", ("order", admin.EmptyFieldListFilter), ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("plan", "customer")
    fields = (
        "whose", "plan", "order", "product", "bought", "units", "months", "multiplier", "paid_minor", "currency",
        "ready_at", "starts_at", "ends_at", "renews", "author", "reason", "ended_by", "ended_reason", "ended_at",
        "ending",
    )  # fmt: skip
    readonly_fields = ("whose", "ending")
    search_fields = ("=order", "=customer__id")
    date_hierarchy = "starts_at"
    ordering = ("-pk",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "customer__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, term: PaidTerm) -> str:
        return _customer(term.customer_id)

    @admin.display(description=gettext_lazy("end it"))
    def ending(self, term: PaidTerm) -> str:
        if term.ended_at or term.ends_at is None or term.ends_at <= timezone.now():
            return "–"
        url = reverse("admin:retention_loyalty_paidterm_end", args=[term.pk])
        return format_html('<a class="button" href="{}">{}</a>', url, _("End this membership"))

    def get_urls(self) -> list[URLPattern]:
        grant, end = self.admin_site.admin_view(self.grant), self.admin_site.admin_view(self.end)
        return [
            path("grant/<int:pk>/", grant, name="retention_loyalty_paidterm_grant"),
            path("<int:pk>/end/", end, name="retention_loyalty_paidterm_end"),
            *super().get_urls(),
        ]

    def grant(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the customer ``pk`` a membership. A POST without an answer shows the form."""
        self._may(request)
        customer = get_object_or_404(Customer, pk=pk)
        form = GrantForm(
            request.POST if "months" in request.POST else None, initial={"key": uuid.uuid4(), "months": 12}
        )
        if form.is_valid() and self._grant(request, customer, form):
            return redirect("admin:retention_customer_change", customer.pk)
        words = [_("Members of a plan that they did not pay for have all that comes with it, the gift too.")]
        return self._page(request, _("Give a membership"), words, form, back=_customer_url(pk))

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a term now."""
        self._may(request)
        term = get_object_or_404(PaidTerm.objects.select_related("plan"), pk=pk)
        form = EndForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._end(request, term, form):
            return redirect("admin:retention_loyalty_paidterm_change", term.pk)
        day = paid_words.day(term.ends_at) if term.ends_at else "–"
        words = [
            _("%(plan)s runs until %(day)s.") % {"plan": term.plan.name, "day": day},
            _("Ended now, what comes with it is called off at once, and terms that would follow end, too."),
            _("Money is not given back by this: do that in the shop, and the term is taken out by itself."),
        ]
        back = reverse("admin:retention_loyalty_paidterm_change", args=[pk])
        return self._page(request, _("End this membership"), words, form, back=back)

    @staticmethod
    def _may(request: HttpRequest) -> None:
        if not request.user.has_perm(MAY_GRANT):
            raise PermissionDenied

    def _page(self, request: HttpRequest, title: str, words: list[str], form: Any, *, back: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "words": words,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "loyalty/admin/membership.html", context, status=422 if form.errors else 200)

    @staticmethod
    def _grant(request: HttpRequest, customer: Customer, form: Any) -> bool:
        data = form.cleaned_data
        try:
            paid_terms.grant(
                customer,
                data["plan"],
                months=data["months"],
                reason=data["reason"],
                author=request.user.get_username(),
                key=str(data["key"]),
                at=timezone.now(),
            )
        except paid_terms.NotAMember:
            form.add_error(None, _("A guest has no membership: the customer needs an account in the shop."))
        except paid_terms.NoReason:
            form.add_error("reason", _("Say why."))
        else:
            messages.success(request, _("Given: %(plan)s.") % {"plan": data["plan"]})
            return True
        return False

    @staticmethod
    def _end(request: HttpRequest, term: PaidTerm, form: Any) -> bool:
        author = request.user.get_username()
        try:
            paid_terms.end(term, reason=form.cleaned_data["reason"], author=author, at=timezone.now())
        except paid_terms.NoReason:
            form.add_error("reason", _("Say why."))
        except paid_terms.Over:
            messages.warning(request, _("It has ended meanwhile; nothing was changed."))
            return True
        else:
            messages.success(request, _("Ended."))
            return True
        return False


def _customer_url(pk: int) -> str:
    return reverse("admin:retention_customer_change", args=[pk])


def _customer(pk: int) -> str:
    return format_html('<a href="{}">{}</a>', _customer_url(pk), _("customer %(id)s") % {"id": pk})
