"""The shopper's coupons on the account page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from campaigns import goods_words, queries, wording
from campaigns.goods_words import Titles
from campaigns.models import Coupon
from campaigns.services import checking, parking, unasked
from retention.models import Customer
from retention.shop import get_shop


def section(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return the section with the coupons of the customer's own row that can be used now; None without any.

    What the shop puts into the basket by itself is left out: it is told where it comes from.
    """
    now = timezone.now()
    mine = list(queries.wallet(customer.pk, at=now))
    if mine:
        by_itself = unasked.codes(request, at=now)
        mine = [coupon for coupon in mine if coupon.code not in by_itself]
    too_late = checking.too_late(mine, at=now)
    titles = goods_words.titles(coupon.terms for coupon in mine)
    cart = get_shop().get_cart(request)
    inside = (*(cart.coupons if cart else ()), *parking.codes(request))
    coupons = [
        {**card(coupon, titles=titles), "in_basket": coupon.code in inside}
        for coupon in mine
        if coupon.pk not in too_late
    ]
    return {"template": "campaigns/wallet.html", "coupons": coupons} if coupons else None


def card(coupon: Coupon, *, titles: Titles | None = None) -> dict[str, str]:
    """Return a coupon in words of the active language: all that decides its use stands beside the code."""
    terms = coupon.terms
    return {
        "code": coupon.code,
        "gives": wording.gives(terms, coupon.money, titles=titles),
        "minimum": wording.minimum(coupon.money),
        "currency": coupon.currency,
        "expires": wording.expiry(coupon),
        "limits": wording.limits(terms, titles=titles),
        "url": reverse("campaigns:coupon", args=[coupon.code]),
    }
