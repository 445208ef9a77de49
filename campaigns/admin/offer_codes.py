"""On the page of an offer: its coupons, and where to make codes of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from campaigns.admin import links
from campaigns.models import Offer


class OfferCodes:
    """Mixed into the admin of offers."""

    @admin.display(description=_("codes of it"))
    def codes(self, offer: Offer) -> Any:
        if not offer.pk:
            return ""
        pages = [links.listing("coupon", _("Coupons of it"), offer__id__exact=offer.pk)]
        if offer.active:
            share = reverse("admin:retention_campaigns_coupon_share", args=[offer.pk])
            bulk = reverse("admin:retention_campaigns_couponbatch_add") + f"?offer={offer.pk}"
            pages += [
                format_html('<a href="{}">{}</a>', share, _("Make a shared code")),
                format_html('<a href="{}">{}</a>', bulk, _("Make codes in bulk")),
            ]
        return format_html_join(" · ", "{}", ((page,) for page in pages))
