"""How a coupon stands now: whether it can be used, and if not, why not."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from campaigns.models import Coupon


class Standing(TextChoices):
    USABLE = "usable", _("can be used")
    WAITING = "waiting", _("not good yet")
    USED = "used", _("used up")
    EXPIRED = "expired", _("expired")
    VOID = "void", _("called off")


def of(coupon: Coupon, *, at: datetime) -> Standing:
    """Return how a coupon stands; of several reasons the first that no time mends."""
    if coupon.state == Coupon.State.VOID:
        return Standing.VOID
    if coupon.max_uses is not None and coupon.used >= coupon.max_uses:
        return Standing.USED
    if coupon.expires_at <= at:
        return Standing.EXPIRED
    return Standing.WAITING if coupon.starts_at is not None and coupon.starts_at > at else Standing.USABLE


def where(standing: str, *, at: datetime) -> Q:
    """Return ``of`` as SQL."""
    void, used = Q(state=Coupon.State.VOID), Q(max_uses__isnull=False, used__gte=F("max_uses"))
    expired, waiting = Q(expires_at__lte=at), Q(starts_at__gt=at, starts_at__isnull=False)
    match standing:
        case Standing.VOID:
            return void
        case Standing.USED:
            return ~void & used
        case Standing.EXPIRED:
            return ~void & ~used & expired
        case Standing.WAITING:
            return ~void & ~used & ~expired & waiting
    return ~void & ~used & ~expired & ~waiting
