"""What of points for actions staff should look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import ActionAward
from retention import registry
from retention.registry import Trouble

PATIENCE = timedelta(days=7)


def find(at: datetime) -> Iterator[Trouble]:
    """Yield how many actions have waited long for somebody's yes."""
    waiting = ActionAward.objects.filter(state=ActionAward.State.WAITING, at__lt=at - PATIENCE).count()
    if waiting:
        yield Trouble(
            what=ngettext(
                "%(count)s action of a customer waits for approval for more than a week",
                "%(count)s actions of customers wait for approval for more than a week",
                waiting,
            )
            % {"count": waiting},
            cure=_("Approve or decline them, or let these actions earn without approval."),
            count=waiting,
            url=reverse("admin:retention_loyalty_actionaward_changelist") + "?state__exact=waiting",
        )


def load() -> None:
    """Register the trouble."""
    registry.troubles.add("loyalty.actions", find)
