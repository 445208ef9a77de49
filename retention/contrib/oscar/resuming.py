"""A coupon that waits in the session is applied as soon as there is a basket that may have it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _

from retention.contrib.oscar import parking, redeeming
from retention.shop import CouponRejected

log = logging.getLogger(__name__)

WAITS = ("minimum", "products")
"""Reasons of a refusal that the next thing in the basket may end."""


def resume(request: Any, *, at: datetime) -> None:
    """Apply the coupon that waits, if any. Never raises.

    A basket may fill without anybody being told: by signing in, or from what was saved for later.
    """
    try:
        code = parking.parked(request)
        if not code or request.basket.is_empty:
            return
        with transaction.atomic():
            _apply(request, code, at=at)
    except Exception:
        log.exception("a parked coupon could not be applied")


def _apply(request: Any, code: str, *, at: datetime) -> None:
    try:
        redeeming.apply(request, code, at=at)
    except CouponRejected as refusal:
        if refusal.reason in WAITS:
            return
        log.info("a parked coupon was refused: %s", refusal.reason)
        redeeming.say_refused(request, refusal, at=at)
    else:
        messages.info(request, _("Your coupon %(code)s is in the basket.") % {"code": code})
    parking.leave(request, code)
