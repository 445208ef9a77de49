"""Showing an instant to staff."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def show(moment: datetime | None) -> str:
    """Return date and time in the reader's zone and language; empty for None."""
    return date_format(localtime(moment), "SHORT_DATETIME_FORMAT") if moment else ""
