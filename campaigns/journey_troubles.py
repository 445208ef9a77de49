"""What of journeys and cases can be broken or late, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import Enrolment
from campaigns.services import cases
from retention import registry
from retention.registry import Trouble

LATE = timedelta(hours=1)


def find(at: datetime) -> Iterator[Trouble]:
    """Yield what staff should look at."""
    url = reverse("admin:retention_campaigns_enrolment_changelist")
    if stuck := Enrolment.objects.filter(state=Enrolment.State.STUCK).count():
        yield Trouble(
            what=ngettext(
                "%(n)s passage through a journey is stuck", "%(n)s passages through journeys are stuck", stuck
            )
            % {"n": stuck},
            cure=_("Read the error on the passage, mend its cause, then choose “Try again”."),
            count=stuck,
            url=f"{url}?state__exact=stuck",
        )
    if failing := Enrolment.objects.filter(state=Enrolment.State.ACTIVE).exclude(error="").count():
        yield Trouble(
            what=ngettext(
                "A step of %(n)s passage fails and is tried again",
                "A step of %(n)s passages fails and is tried again",
                failing,
            )
            % {"n": failing},
            cure=_("Read the error on the passage; when it stays, mend its cause."),
            count=failing,
            url=f"{url}?state__exact=active&failing=1",
        )
    if late := Enrolment.objects.due(at=at - LATE).filter(error="").count():
        yield Trouble(
            what=ngettext("%(n)s step of a journey is late", "%(n)s steps of journeys are late", late) % {"n": late},
            cure=_("Start Celery worker and beat, or run “manage.py retention_run --loop”."),
            count=late,
            url=f"{url}?state__exact=active",
        )
    unsolved, overdue = cases.due(at=at)
    if overdue:
        yield Trouble(
            what=ngettext(
                "%(late)s recovery case of %(n)s is overdue", "%(late)s recovery cases of %(n)s are overdue", overdue
            ) % {"late": overdue, "n": unsolved},
            cure=_("Take the case and write to the customer."),
            count=overdue,
            url=reverse("admin:retention_campaigns_recoverycase_changelist"),
        )  # fmt: skip


def load() -> None:
    """Register the troubles."""
    registry.troubles.add("campaigns.journeys", find)
