"""Whose coupons they are: taking them out, calling them off at erasure, handing a guest's to the member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.models import Coupon, Redemption, Rejection
from campaigns.services import coupons
from retention.models import Customer


def export(customer: Customer) -> Mapping[str, Any]:
    """Return the customer's coupons and what they used."""
    return {
        "coupons": list(
            Coupon.objects.filter(customer=customer)
            .order_by("pk")
            .values("code", "offer__name", "state", "currency", "source", "issued_at", "expires_at")
        ),
        "uses": list(
            Redemption.objects.filter(customer=customer)
            .exclude(order="")
            .order_by("pk")
            .values("coupon__code", "order", "state", "discount_minor", "currency", "committed_at")
        ),
        "refused": list(
            Rejection.objects.filter(coupon__customer=customer)
            .order_by("pk")
            .values("coupon__code", "reason", "detail", "where", "at")
        ),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Call off what is not used yet: nobody is left to use it. The ledger stays; it names nobody."""
    coupons.void(Coupon.objects.filter(customer=customer, state=Coupon.State.ISSUED), reason="erased", at=at)
    Rejection.objects.filter(coupon__customer=customer).exclude(detail="").update(detail="")


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Hand a guest's coupons and uses to the member whose mailbox is proven."""
    Coupon.objects.filter(customer=guest).update(customer=member)
    Redemption.objects.filter(customer=guest).update(customer=member)
