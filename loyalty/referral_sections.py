"""A member's link for friends on their own page, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from loyalty import queries, referral_words, showing
from loyalty.models import Referral, ReferralLink
from loyalty.services import referral_links
from retention import registry
from retention.links import absolute
from retention.models import Customer

SHOWN = 20
"""Referrals on the page at once."""


def friends(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows; None where nobody is rewarded and this member brought nobody."""
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    terms = referral_links.terms()
    brought = list(Referral.objects.filter(referrer=customer).order_by("-pk")[: SHOWN + 1])
    if terms is None and not brought:
        return None
    link = referral_links.of(customer) if terms else None
    rates = queries.worth_rates()
    return {
        "template": "loyalty/referrals.html",
        "open": terms is not None,
        "link": link,
        "url": url_of(link) if link else "",
        "terms": list(referral_words.for_members(terms, rates, at=now)) if terms else [],
        "rows": [
            {
                "at": one.at,
                "state": referral_words.state(one, at=now),
                "gave": showing.movement(one.stands, rates) if one.stands else "",
                "coupon": one.coupon_id,
            }
            for one in brought[:SHOWN]
        ],
        "nothing": showing.balance(0, rates) or "0",
        "money": bool(showing.balance(0, rates)),
        "more": len(brought) > SHOWN,
    }


def url_of(link: ReferralLink) -> str:
    """Return the address that a member hands on."""
    return absolute(reverse("loyalty:referral", args=[link.code]))


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty.referrals", friends)
