"""The reminder, in the basket, of a coupon that a member holds; and a no to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns.services import nudging
from campaigns.views import wallet
from retention.models import Customer
from retention.shop import get_shop


def build(request: HttpRequest, at: datetime) -> Mapping[str, Any] | None:
    """Return what is shown above the basket's total; None where there is nothing to remind of."""
    customer = _member(request)
    coupon = nudging.best(request, customer, at=at) if customer else None
    if coupon is None:
        return None
    return {"template": "campaigns/nudge.html", "coupon": wallet.card(coupon), "number": coupon.pk}


@require_POST
def dismiss(request: HttpRequest, coupon: int) -> HttpResponse:
    """Remember a no, and go back to the basket. A number that is none of the member's changes nothing."""
    customer = _member(request)
    if customer and customer.coupons.filter(pk=coupon).exists():
        nudging.dismiss(customer, coupon, at=timezone.now())
    return redirect(get_shop().cart_url())


def _member(request: HttpRequest) -> Customer | None:
    return Customer.objects.filter(user=request.user.pk).first() if request.user.is_authenticated else None
