"""The merchant's choices about sending."""

from __future__ import annotations

from retention.models import Sending


def get() -> Sending:
    """Return the one row of choices about sending."""
    return Sending.objects.get_or_create(pk=1)[0]
