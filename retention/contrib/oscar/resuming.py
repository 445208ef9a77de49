"""A coupon that waits in the session, or that is a shopper's own, is applied as soon as there is a basket for it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _

from retention import registry
from retention.contrib.oscar import parking, redeeming, standing
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


def put_standing(request: Any, *, at: datetime) -> None:
    """Put into the basket what is the shopper's for as long as something holds. Never raises, and says nothing.

    What they took out of this basket stays out; what another coupon does not go together with is left out.
    """
    try:
        if request.basket.is_empty:
            return
        for source in registry.standing_codes:
            for code in source(request, at):
                if not standing.put_before(request, code) and not request.basket.contains_voucher(code):
                    _put(request, code, at=at)
    except Exception:
        log.exception("a coupon of a shopper's own could not be put into the basket")


def _put(request: Any, code: str, *, at: datetime) -> None:
    if redeeming.would_refuse(request, code, at=at):  # asked first: a page that is only looked at writes nothing
        return
    standing.note(request, code)  # first: what the shop puts in does not push out what it has put in
    try:
        with transaction.atomic():
            redeeming.apply(request, code, at=at)
    except CouponRejected as refusal:
        standing.forget(request, code)
        log.info("a coupon of a shopper's own was left out: %s", refusal.reason)
