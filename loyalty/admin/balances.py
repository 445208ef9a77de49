"""Taking in the balances of an earlier programme."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import balance_file, balance_words
from loyalty.models import BalanceImport, BalanceLine
from loyalty.services import balance_people, balances
from retention.admin import uploads
from retention.admin.base import ReadOnlyAdmin
from retention.admin.import_pages import NOTES, ImportAdmin, being_taken_in

MOST_BYTES = 30 * 1024 * 1024
PERSONAL = "retention.view_personal_data"

REASONS = {
    balance_people.UNKNOWN: gettext_lazy("nobody has this address or number yet"),
    balance_people.UNPROVEN: gettext_lazy("the mailbox is not proven yet"),
    balance_people.SEVERAL: gettext_lazy("more than one customer has it: give by hand"),
    balances.LEFT: gettext_lazy("the customer has left the programme"),
    balances.BEFORE: gettext_lazy("has had theirs from this programme, or waits for them"),
    balances.DOUBLE: gettext_lazy("another line is about the same customer"),
    balances.ENDED: gettext_lazy("the points ended while they waited"),
    balances.FORGOTTEN: gettext_lazy("the person was forgotten"),
}


class UploadForm(forms.Form):
    file = uploads.csv_field(
        gettext_lazy(
            "With the columns “points”, “email” or “customer_id”, and as far as you know “expires” (2026-12-31: good "
            "to the end of that day); with commas or semicolons, in UTF-8."
        )
    )
    source = forms.CharField(
        label=gettext_lazy("Name of the earlier programme"),
        max_length=40,
        help_text=gettext_lazy("Each person gets their points of one programme once, however many files say so."),
    )
    trusts_accounts = forms.BooleanField(
        label=gettext_lazy("Take accounts at their word"),
        required=False,
        help_text=gettext_lazy(
            "Without it, an account gets the points of its address once its mailbox is proven. Anybody can register "
            "with anybody's address: say yes only where these are the addresses of your own accounts."
        ),
    )

    def clean_file(self) -> balance_file.Reading:
        reader = partial(balance_file.read, at=timezone.now())
        reading = uploads.read(self.cleaned_data["file"], reader, most_bytes=MOST_BYTES)
        if not reading.good:
            raise uploads.no_good_line(reading.notes)
        return reading


@admin.register(BalanceImport)
class BalanceImportAdmin(ImportAdmin):
    list_display = ("created_at", "source", "made_by", "lines", "how_far")
    permission = "retention_loyalty.import_points"
    form_class = UploadForm
    heading = gettext_lazy("Take in the points of an earlier programme")
    upload_template = "loyalty/admin/balances_upload.html"
    file_template = "loyalty/admin/balances.html"

    def keep(self, request: HttpRequest, form: forms.Form) -> BalanceImport:
        reading, now = form.cleaned_data["file"], timezone.now()
        how = {name: form.cleaned_data[name] for name in ("source", "trusts_accounts")}
        found: dict[str, Any] = balances.look(reading, **how)
        found["notes"] = [list(note) for note in reading.notes[:NOTES]]
        return balances.keep(reading, found, by=request.user.get_username(), at=now, **how)

    def describe(self, request: HttpRequest, whole: BalanceImport, found: dict[str, int]) -> dict[str, Any]:
        return {
            "sentences": list(balance_words.of(found, trusts_accounts=whole.trusts_accounts)),
            "rows": reverse("admin:retention_loyalty_balanceline_changelist") + f"?whole__id__exact={whole.pk}",
        }

    def start(self, request: HttpRequest, whole: BalanceImport) -> HttpResponse:
        """Say yes to a file."""
        if balances.start(whole, at=timezone.now()):
            being_taken_in(request)
        return self.to_page(whole.pk)

    def discard(self, request: HttpRequest, whole: BalanceImport) -> HttpResponse:
        """Throw away a file that was only looked at."""
        if balances.throw_away(whole):
            messages.success(request, _("The file is thrown away. Nobody got a point."))
        return self.to_list()


@admin.register(BalanceLine)
class BalanceLineAdmin(ReadOnlyAdmin):
    list_display = ("line", "points", "expires_at", "state", "why", "whose")
    list_filter = ("state", "source")
    list_select_related = ("whole", "entry", "customer")
    search_fields = ("=number", "=customer__id")
    ordering = ("-whole", "line")
    fields = ("whole", "line", "points", "expires_at", "state", "why", "whose", "changed_at")
    readonly_fields = ("why", "whose")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show addresses to those alone who may see personal data."""
        personal = ("address", "number") if request.user.has_perm(PERSONAL) else ()
        return (*self.list_display, *personal)

    @admin.display(description=gettext_lazy("why"))
    def why(self, row: BalanceLine) -> str:
        return str(REASONS.get(row.reason, ""))

    @admin.display(description=gettext_lazy("customer"))
    def whose(self, row: BalanceLine) -> str:
        if row.customer_id is None:
            return ""
        url = reverse("admin:retention_customer_change", args=[row.customer_id])
        return format_html('<a href="{}">{}</a>', url, row.customer)
