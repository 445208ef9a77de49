"""Links between pages of admin."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.models import Coupon
from retention.models import Customer, Order


def customer(person: Customer) -> SafeString:
    """Return a link to the customer's page."""
    return format_html('<a href="{}">{}</a>', reverse("admin:retention_customer_change", args=[person.pk]), person)


def order(reference: str) -> SafeString | str:
    """Return a link to an order's page; empty without one."""
    if not reference:
        return ""
    found = Order.objects.filter(reference=reference).only("pk", "number").first()
    if found is None:
        return reference
    return format_html('<a href="{}">{}</a>', reverse("admin:retention_order_change", args=[found.pk]), found.number)


def coupon(row: Coupon) -> SafeString:
    """Return a link to a coupon's page."""
    url = reverse("admin:retention_campaigns_coupon_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, row.code)


def listing(model: str, words: object, **filters: object) -> SafeString:
    """Return a link to a list of ours, filtered."""
    url = reverse(f"admin:retention_campaigns_{model}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(filters), words)
