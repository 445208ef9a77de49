"""Oscar's voucher form: tries are counted before the look-up, and every refusal is in the same words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _

from retention import origin, registry, typed, waits
from retention.contrib.oscar import asking, host, redeeming
from retention.services import tries
from retention.shop import CouponRejected

log = logging.getLogger(__name__)

LONGEST = 128
"""Characters of a code in Oscar; it looks up nothing longer."""


def blocked(request: Any, *, at: datetime) -> datetime | None:
    """Count a try by network address and by session; return until when the next must wait, None to go on."""
    try:
        return tries.count(origin=origin.of(request), session=_session(request), at=at)
    except Exception:
        log.exception("a try of a coupon could not be counted")
        return None


def _session(request: Any) -> str:
    """Return the session's name. Most guests have none yet: then their basket is it, and without one, nothing."""
    basket = request.basket.pk
    return request.session.session_key or (f"basket:{basket}" if basket else "")


def wait(request: Any, until: datetime, *, at: datetime) -> None:
    """Say when to try again."""
    messages.error(request, waits.after_tries(until, at=at))


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
    """Note how much has been said to the shopper before a code is tried, and let Oscar read what was meant."""
    request.retention_said = len(messages.get_messages(request))
    try:
        _read(request)
    except Exception:
        log.exception("a code could not be read as it was meant")


def _read(request: Any) -> None:
    """Put the code as it is stored in place of what was typed, but where the merchant has a code with that spelling."""
    asked = _asked(request)
    meant = typed.code(request.POST.get("code", ""))
    if not meant or meant == asked or _exists(asked):
        return
    post = request.POST.copy()
    post["code"] = meant
    request.POST = post


def end(request: Any, *, at: datetime) -> None:
    """Put the one sentence in place of what Oscar said, when the code did not get into the basket."""
    before = getattr(request, "retention_said", None)
    if before is None:
        return  # another page's POST is not read: its view may have taken the body as a stream
    code = _asked(request)
    if not code:
        return
    refusals = _sift(request, code, at=at) if _storable(code) and request.basket.contains_voucher(code) else None
    others = [refusal for refusal in refusals or () if refusal.code != code]
    if refusals is None or len(others) < len(refusals):
        said = list(messages.get_messages(request))
        for message in [*said[:before], *(new for new in said[before:] if _stays(new, code))]:
            messages.add_message(request, message.level, message.message, extra_tags=message.extra_tags)
        refuse(request)
        _tell(request, code, refusals or (), at=at)
    for refusal in others:
        redeeming.say_refused(request, refusal, at=at)


def _sift(request: Any, code: str, *, at: datetime) -> list[CouponRejected]:
    """Ask the guards of the checkout about what Oscar has taken, so that nobody learns it only when they pay."""
    try:
        return redeeming.sift(request, code, at=at)
    except Exception:
        log.exception("whether the basket may have a code could not be asked")
        return []


def _stays(message: Any, code: str) -> bool:
    """Whether what Oscar said stands: not what is wrong with the code, nor that it is in the basket."""
    return message.level < messages.WARNING and code not in str(message.message)


def _asked(request: Any) -> str:
    """Return the code as Oscar reads it."""
    code: str = request.POST.get("code", "").strip().upper()
    return code


def _storable(code: str) -> bool:
    return len(code) <= LONGEST and "\0" not in code


def _exists(code: str) -> bool:
    return _storable(code) and host.voucher()._default_manager.filter(code=code).exists()


def _tell(request: Any, code: str, refusals: Sequence[CouponRejected], *, at: datetime) -> None:
    """Tell who counts wrong codes, or who listens to refusals; whatever they do, the page is shown."""
    try:
        if not _exists(code):
            # the savepoint is for a transaction of the shop's, which a failure of ours must not end
            with nullcontext() if transaction.get_autocommit() else transaction.atomic():
                for count in registry.wrong_codes:
                    count(typed.code(code), at)
        else:
            known = next((refusal for refusal in refusals if refusal.code == code), None)
            if refusal := known or redeeming.why_not(request, code):
                asking.tell(request, refusal, place=asking.FORM, at=at)
    except Exception:
        log.exception("a refused code could not be told")
