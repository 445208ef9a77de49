"""Points accounts: to look at, and to correct with a reason."""

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
from django.utils.translation import gettext_lazy, ngettext

from loyalty import queries
from loyalty.admin import liability
from loyalty.conf import conf
from loyalty.models import Account
from loyalty.services import corrections, points
from retention.admin.base import ReadOnlyAdmin
from retention.models import Customer


class CorrectionForm(forms.Form):
    """How many points, and why."""

    points = forms.IntegerField(
        label=gettext_lazy("Points"), help_text=gettext_lazy("Above zero gives, below zero takes.")
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Kept with your name. The customer sees “Correction by the shop”."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    change_list_template = "loyalty/admin/account_list.html"
    list_display = ("__str__", "balance", "pending", "owed", "created_at")
    fields = ("whose", "balance", "pending", "owed", "left_at", "created_at")
    readonly_fields = ("whose",)
    search_fields = ("=customer__id", "customer__orders__number")
    date_hierarchy = "created_at"
    ordering = ("-balance", "pk")

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, account: Account) -> str:
        url = reverse("admin:retention_customer_change", args=[account.customer_id])
        return format_html('<a href="{}">{}</a>', url, account.customer)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.correct)
        return [
            path("<int:pk>/correct/", view, name="retention_loyalty_account_correct"),
            *liability.urls(self.admin_site),
            *super().get_urls(),
        ]

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give or take points of the customer ``pk`` by hand. A POST without an answer shows the form."""
        if not request.user.has_perm("retention_loyalty.adjust_points"):
            raise PermissionDenied
        customer = get_object_or_404(Customer, pk=pk)
        form = CorrectionForm(request.POST if "points" in request.POST else None, initial={"key": uuid.uuid4()})
        if form.is_valid() and self._correct(request, customer, form):
            return redirect("admin:retention_customer_change", customer.pk)
        account = queries.account(customer)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Give or take points"),
            "customer": customer,
            "balance": account.balance if account else 0,
            "most": conf.ADJUST_MAX,
            "form": form,
        }
        return TemplateResponse(request, "loyalty/admin/correct.html", context, status=422 if form.errors else 200)

    def _correct(self, request: HttpRequest, customer: Customer, form: Any) -> bool:
        data = form.cleaned_data
        try:
            corrections.correct(
                customer,
                amount=data["points"],
                reason=data["reason"],
                author=request.user.get_username(),
                key=str(data["key"]),
                at=timezone.now(),
            )
        except corrections.TooMuch:
            form.add_error("points", _("One correction moves at most %(most)s points.") % {"most": conf.ADJUST_MAX})
        except corrections.NothingToCorrect:
            form.add_error("points", _("Give a number other than zero, and a reason."))
        except corrections.HasLeft:
            form.add_error(None, _("The customer has left the programme. Only they can come back."))
        except corrections.HoldsNoPoints:
            form.add_error(None, _("A guest holds no points: the customer needs an account in the shop."))
        except points.KeyReused:
            form.add_error(None, _("This form was sent before with another number. Open it anew."))
        else:
            messages.success(
                request,
                ngettext("Done: %(points)s point.", "Done: %(points)s points.", abs(data["points"]))
                % {"points": f"{data['points']:+d}"},
            )
            return True
        return False
