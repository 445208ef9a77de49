"""Oscar's voucher form: tries are counted before the look-up, and every refusal is in the same words."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _

from retention import origin
from retention.conf import conf
from retention.services import throttle

log = logging.getLogger(__name__)

HOUR = 3600


def allowed(request: Any, *, at: datetime) -> bool:
    """Count a try by network address and by session; False when either has had its share of the hour.

    Most guests have no session yet; then their basket stands for it, without which Oscar looks up nothing.
    """
    try:
        session = request.session.session_key or f"basket:{request.basket.pk}"
        who = [f"address:{origin.of(request)}", f"session:{session}"]
        tried = [
            throttle.hit(scope="coupon", who=name, limit=conf.COUPON_TRIES_PER_HOUR, seconds=HOUR, at=at)
            for name in who
        ]
    except Exception:
        log.exception("a try of a coupon could not be counted")
        return True
    return all(tried)


def refuse(request: Any) -> None:
    """Say the one sentence: it tells nobody whether a code exists, is used, or is somebody else's."""
    messages.error(
        request,
        _(
            "This code cannot be used for this basket. Please check its spelling, its dates and what it asks for, "
            "or try again later."
        ),
    )


def begin(request: Any) -> None:
    """Note how much has been said to the shopper before a code is tried."""
    request.retention_said = len(messages.get_messages(request))


def end(request: Any) -> None:
    """Put the one sentence in place of what Oscar said, when the code did not get into the basket."""
    before = getattr(request, "retention_said", None)
    if before is None:
        return  # another page's POST is not read: its view may have taken the body as a stream
    code = request.POST.get("code", "").strip().upper()
    if not code or request.basket.contains_voucher(code):
        return
    said = list(messages.get_messages(request))
    for message in [*said[:before], *(new for new in said[before:] if new.level < messages.WARNING)]:
        messages.add_message(request, message.level, message.message, extra_tags=message.extra_tags)
    refuse(request)
