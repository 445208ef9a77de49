"""Showing a page of ours inside the shop's own layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from retention.conf import conf
from retention.shop import get_shop


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render ``template``, which extends ``layout``: the merchant's, else the shop adapter's.

    The template also gets ``home_url``.
    """
    shop = get_shop()
    return render(
        request,
        template,
        {"layout": conf.PAGE_LAYOUT or shop.page_layout, "home_url": shop.home_url(), **(context or {})},
        status=status,
    )


def language(request: HttpRequest) -> str:
    """Return the language of the page that was sent back; empty, the present one, where it names none of ours."""
    given = request.POST.get("language", "")
    return given if given in dict(settings.LANGUAGES) else ""
