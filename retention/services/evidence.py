"""What a visitor's session brings along, written down with the order that they place.

Nothing is asked of the database where nothing waits.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from retention import registry

log = logging.getLogger(__name__)

KEY = "retention_evidence"
"""Session key: name of the evidence → what is parked."""
BEFORE = "retention_evidence_before"
"""Session key: the visitor's latest order when they pressed the button; payment may send them elsewhere first."""


def park(request: HttpRequest, name: str, what: Any) -> None:
    """Let ``what``, which is JSON, wait for the next order of this visitor, in place of what waited by that name."""
    request.session[KEY] = {**request.session.get(KEY, {}), name: what}


def parked(request: HttpRequest, name: str) -> Any:
    """Return what waits by a name, None where nothing does."""
    return request.session.get(KEY, {}).get(name)


def leave(request: HttpRequest, name: str) -> None:
    """Forget what waits by a name."""
    waiting = request.session.get(KEY, {})
    if name in waiting:
        request.session[KEY] = {key: what for key, what in waiting.items() if key != name}


def begin(request: HttpRequest, *, latest: Any) -> None:
    """Note, where anything waits, which order of this session was the latest before one is placed."""
    if request.session.get(KEY):
        request.session[BEFORE] = latest


def keep(request: HttpRequest | None, order: str, *, at: datetime) -> bool:
    """Write down what waits with an order that was just placed. Returns whether anything did. Never raises."""
    session = getattr(request, "session", None)
    waiting = session.get(KEY) if session is not None else None
    if request is None or session is None or not waiting:
        return False
    for one in registry.evidence:
        if one.name in waiting:
            try:
                with transaction.atomic():
                    one.keep(request, waiting[one.name], order, at)
            except Exception:
                log.exception("%s of order %s could not be kept", one.name, order)
    session.pop(KEY, None)
    session.pop(BEFORE, None)
    return True


def keep_late(request: HttpRequest, order: Any, *, at: datetime) -> bool:
    """Write down what waits with an order that another request placed, a payment page's say.

    ``order``: the session's latest. Returns whether there was a new one and something waited for it.
    """
    session = request.session
    if not order or BEFORE not in session or session[BEFORE] == order:
        return False
    return keep(request, str(order), at=at)
