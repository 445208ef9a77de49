"""What a session brings along, handed on with Oscar's order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from retention.contrib.oscar import choices
from retention.services import evidence


def begin(request: Any) -> None:
    """An order is about to be placed."""
    evidence.begin(request, latest=request.session.get(choices.ORDER))


def keep(order: int, *, at: datetime) -> None:
    """An order was placed, in this very request as far as there is one."""
    evidence.keep(choices.current.get(), str(order), at=at)


def keep_late(request: Any, *, at: datetime) -> None:
    """An order may have been placed by another request; a session that nobody opened has no news."""
    if hasattr(request, "session") and request.session.accessed and evidence.BEFORE in request.session:
        evidence.keep_late(request, request.session.get(choices.ORDER), at=at)
