"""The tier on the shopper's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from loyalty import tier_words
from loyalty.services import tiers
from retention import registry
from retention.models import Customer


def tier(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows: the tier, what it gives, what keeps it by when, and the way to the next.

    None where the shop has no tiers.
    """
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    standing = tiers.standing(customer, at=now)
    if standing is None:
        return None
    keeping, held = standing.keeping, standing.tier
    return {
        "template": "loyalty/tier.html",
        "tier": held.name if held else "",
        "so_far": tier_words.so_far(standing),
        "way": tier_words.way_up(standing),
        "percent": standing.percent,
        "stay": tier_words.to_stay(keeping, tier=held.name, metric=standing.metric, currency=standing.currency)
        if keeping and held
        else "",
        "benefits": [tier_words.benefit(benefit) for benefit in standing.benefits],
    }


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.tier", tier)
