"""Points spent by our service."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from loyalty.services import points, spending

AT = datetime(2026, 3, 1, tzinfo=UTC)


def start(*, first: bool) -> Callable[[int], bool]:
    """Return what spends one point of a member."""

    def spend(customer: int) -> bool:
        try:
            spending.spend(customer, amount=1, key=uuid.uuid4().hex, source="bench", at=AT)
        except points.NotEnough:
            return False
        return True

    return spend
