"""Saying how long somebody must wait: rounded up, so that who comes back then is not too early."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONG = 90
"""Minutes from which hours are said."""


def after_tries(until: datetime, *, at: datetime) -> str:
    """Return what a shopper reads whose tries of codes have to wait: nothing about any code, and when to come back."""
    return _("Many codes have been tried from here, so we take a short break.") + " " + _again(until - at)


def seconds(until: datetime, *, at: datetime) -> int:
    """Return whole seconds until then, as Retry-After says them."""
    return max(-(-(until - at) // SECOND), 1)


def _again(left: timedelta) -> str:
    minutes = max(-(-left // MINUTE), 1)
    if minutes <= LONG:
        return ngettext(
            "Please try again in %(n)s minute: your basket stays as it is.",
            "Please try again in %(n)s minutes: your basket stays as it is.",
            minutes,
        ) % {"n": minutes}
    hours = -(-minutes // 60)
    return ngettext(
        "Please try again in %(n)s hour: your basket stays as it is.",
        "Please try again in %(n)s hours: your basket stays as it is.",
        hours,
    ) % {"n": hours}
