"""Vouchers of ours, with what they promise."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef

from retention.contrib.oscar import host, rules
from retention.contrib.oscar.models import CouponTerms, SharedOffer


@dataclass(frozen=True, kw_only=True)
class Coupon:
    """A voucher of ours with what it promises."""

    voucher: Any
    terms: CouponTerms

    @property
    def shared(self) -> SharedOffer:
        return self.terms.shared

    @property
    def value(self) -> Decimal:
        """What it takes off: percent, or an amount, its own where it has one."""
        return self.shared.value if self.terms.value is None else self.terms.value

    @property
    def is_paid(self) -> bool:
        """Whether it was paid for, e.g. with points: then it goes beside any other coupon, as money would."""
        return self.terms.value is not None

    @property
    def turn(self) -> tuple[bool, int, int, int]:
        shared = self.shared
        return not shared.exclusive, shared.priority, rules.PRIORITIES.get(shared.kind, 9), self.voucher.pk


def terms_of(voucher: Any) -> CouponTerms | None:
    """Return the terms of a voucher of ours, None for another."""
    return CouponTerms.objects.filter(code=voucher.code).select_related("shared").first()


def of(basket: Any) -> list[Coupon]:
    """Return the coupons of ours in the basket that Oscar will ask about."""
    if not basket.pk:
        return []
    this = OuterRef("pk")
    rows = basket.vouchers.annotate(
        is_applied=Exists(host.voucher_application()._default_manager.filter(voucher=this)),
        # an offer that was deleted in the dashboard is none, though we still know what it promised
        has_offer=Exists(host.voucher().offers.through._default_manager.filter(voucher_id=this)),
    )
    open_now = {
        voucher.code: voucher
        for voucher in rows
        if voucher.has_offer and voucher.is_active() and _is_available(voucher, basket)
    }
    found = CouponTerms.objects.filter(code__in=open_now).select_related("shared") if open_now else ()
    return [Coupon(voucher=open_now[terms.code], terms=terms) for terms in found]


def _is_available(voucher: Any, basket: Any) -> bool:
    if voucher.usage == voucher.SINGLE_USE:
        return not voucher.is_applied
    available, _message = voucher.is_available_to_user(basket.owner or AnonymousUser())
    return bool(available)
