"""A customer on one page: who, worth, orders, messages, coupons, points, consent, and what happened when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy

from retention import registry
from retention.admin.base import ReadOnlyAdmin
from retention.admin.person_pages import PersonPages
from retention.models import Customer
from retention.money import show

TIMELINE = 100


@admin.register(Customer)
class CustomerAdmin(PersonPages, ReadOnlyAdmin):
    list_display = ("who", "kind", "orders_count", "spent", "last_order_at", "proven")
    list_filter = ("kind", "language", "country")
    search_fields = ("address", "first_name", "last_name", "orders__number")
    date_hierarchy = "created_at"
    ordering = ("-last_order_at", "-pk")
    list_select_related = ("user",)
    change_form_template = "retention/admin/customer.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("spends")

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Let only those search by name and address who may see them."""
        return self.search_fields if _sees(request) else ("orders__number",)

    def get_list_display(self, request: HttpRequest) -> Any:
        self.shows_personal_data = _sees(request)
        return ("who" if _sees(request) else "__str__", *self.list_display[1:])

    @admin.display(description=gettext_lazy("customer"), ordering="address")
    def who(self, customer: Customer) -> str:
        return f"{customer.name} <{customer.email}>".strip() if customer.email else str(customer)

    @admin.display(description=gettext_lazy("net spend"))
    def spent(self, customer: Customer) -> str:
        return ", ".join(show(spend.net_minor, spend.currency) for spend in customer.spends.all() if spend.net_minor)

    @admin.display(description=gettext_lazy("address proven"), boolean=True)
    def proven(self, customer: Customer) -> bool:
        return customer.address_proven_at is not None

    def get_urls(self) -> list[URLPattern]:
        return [*self.page_urls(), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show everything that is known and planned about one customer."""
        customer = self.get_object(request, object_id)
        if customer is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, customer):
            raise PermissionDenied
        events = sorted(
            (event for tell in registry.timeline for event in tell(customer)), key=lambda event: event.at, reverse=True
        )
        context = {
            **self.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,  # the panels need the width
            "opts": self.opts,
            "title": self.who(customer) if _sees(request) else str(customer),
            "customer": customer,
            "original": customer,
            "sees_personal_data": _sees(request),
            "may_export": self.has_export_permission(request),
            "may_erase": self.has_erase_permission(request),
            "spent": self.spent(customer),
            "panels": [
                {
                    "panel": panel,
                    "data": (data := panel.build(customer)),
                    "actions": [
                        one for one in data.actions if not one.permission or request.user.has_perm(one.permission)
                    ],
                }
                for panel in registry.panels
                if not panel.permission or request.user.has_perm(panel.permission)
            ],
            "planned": [event for event in events if event.planned][::-1][:TIMELINE],
            "past": [event for event in events if not event.planned][:TIMELINE],
        }
        return TemplateResponse(request, self.change_form_template, context)


def _sees(request: HttpRequest) -> bool:
    return request.user.has_perm("retention.view_personal_data")
