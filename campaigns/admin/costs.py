"""What goods cost the shop, for the margin guard: a list, by hand or from a file."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import goods_words
from campaigns.admin.cost_forms import CostForm, UploadForm
from campaigns.cost_file import Key
from campaigns.models import ProductCost
from campaigns.services import costs
from retention import counts
from retention.admin.base import Admin
from retention.money import show

HOUR = 3600
SALT = "campaigns.costs"
LIST = "admin:retention_campaigns_productcost_changelist"
UPLOAD = "retention_campaigns_productcost_upload"


class TitledList(ChangeList):
    """Asks the shop once for the titles of a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        titles = goods_words.titles_of({row.product for row in rows}) or {}
        for row in rows:
            row.title = titles.get(row.product, "")
        self.result_list: Any = rows


@admin.register(ProductCost)
class ProductCostAdmin(Admin):
    form = CostForm
    change_list_template = "campaigns/admin/cost_list.html"
    list_display = ("product", "title", "currency", "cost", "changed_at")
    list_filter = ("currency",)
    search_fields = ("product",)
    ordering = ("product", "currency")
    fields = ("product", "currency", "cost")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TitledList

    def get_urls(self) -> list[URLPattern]:
        return [path("upload/", self.admin_site.admin_view(self.upload), name=UPLOAD), *super().get_urls()]

    @admin.display(description=_("title"))
    def title(self, cost: ProductCost) -> str:
        return getattr(cost, "title", "")

    @admin.display(description=_("cost of one piece"), ordering="cost_minor")
    def cost(self, cost: ProductCost) -> str:
        return show(cost.cost_minor, cost.currency)

    def save_model(self, request: HttpRequest, obj: ProductCost, form: CostForm, change: bool) -> None:
        obj.changed_at = timezone.now()
        super().save_model(request, obj, form, change)
        titles = goods_words.titles_of({obj.product})
        if titles is not None and obj.product not in titles:
            said = gettext("The shop has no product “%(product)s” now. The cost is kept.")
            self.message_user(request, said % {"product": obj.product}, level=messages.WARNING)

    # From a file

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Look at a file, say what it would do, and do it once that was confirmed."""
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        if "found" in request.POST:
            return self._put(request)
        posted = request.method == "POST"
        form = UploadForm(request.POST, request.FILES) if posted else UploadForm()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Upload what goods cost"),
            "form": form,
        }
        if posted and form.is_valid():
            reading = form.cleaned_data["file"]
            context |= {"preview": costs.look(reading), "found": _pack(reading.costs)}
            return TemplateResponse(request, "campaigns/admin/cost_preview.html", context)
        return TemplateResponse(request, "campaigns/admin/cost_upload.html", context)

    def _put(self, request: HttpRequest) -> HttpResponse:
        found = _unpack(request.POST["found"])
        if found is None:
            messages.error(request, gettext("That was more than an hour ago: please choose the file again."))
            return redirect(f"admin:{UPLOAD}")
        written = costs.put(found, at=timezone.now())
        said = ngettext("%(n)s cost is new or changed.", "%(n)s costs are new or changed.", written)
        said %= {"n": counts.show(written)}
        messages.success(request, said)
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(ProductCost),
            object_repr=str(self.opts.verbose_name_plural),
            action_flag=CHANGE,
            change_message=said,
        )
        return redirect(LIST)


# Between preview and confirmation nothing is kept here: the costs travel with the page, signed.


def _pack(found: dict[Key, int]) -> str:
    by_currency: dict[str, dict[str, int]] = {}
    for (product, currency), cost in found.items():
        by_currency.setdefault(currency, {})[product] = cost
    return signing.dumps(by_currency, salt=SALT, compress=True)


def _unpack(packed: str) -> dict[Key, int] | None:
    try:
        by_currency = signing.loads(packed, salt=SALT, max_age=HOUR)
    except signing.BadSignature:
        return None
    return {(product, currency): cost for currency, found in by_currency.items() for product, cost in found.items()}
