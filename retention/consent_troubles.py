"""What of the people of before can be in the way: their unsubscribes are not known, or the file stopped half-way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.models import Job
from retention.registry import PanelAction, Trouble
from retention.services import consent_imports, unsettled


def find(at: datetime) -> Iterator[Trouble]:
    """Yield that nobody has said what people had said elsewhere, and each file of it that stopped."""
    if unsettled.matters():
        waiting = unsettled.waiting()
        what = ngettext(
            "Earlier unsubscribes are not imported; %(n)s mail waits for it",
            "Earlier unsubscribes are not imported; %(n)s mails wait for it",
            waiting,
        )
        yield Trouble(
            what=what % {"n": waiting} if waiting else _("Earlier unsubscribes are not imported"),
            cure=_(
                "Take in who had said no to your old mail service, or say that there is nothing to import. Until then "
                "no news goes to people of before; nothing is lost."
            ),
            count=max(waiting, 1),
            url=reverse("admin:retention_consentimport_changelist"),
            actions=[
                PanelAction(
                    label=_("There is nothing to import"),
                    url=reverse("admin:retention_installation_settle"),
                    permission="retention.go_live",
                )
            ],
        )
    for job in Job.objects.filter(kind=consent_imports.KIND, state=Job.State.FAILED).select_related("consent_import"):
        if job.consent_import.parts.exists():
            last = (job.log.strip().splitlines() or [""])[-1]
            yield Trouble(
                what=_("The import of consents stopped at line %(done)s of %(total)s. %(why)s")
                % {"done": job.done, "total": job.total, "why": last},
                cure=_("Mend what the log says and go on: no line is taken in twice. Or throw away what is left."),
                url=reverse("admin:retention_consentimport_change", args=[job.consent_import.pk]),
                actions=[
                    PanelAction(
                        label=_("Go on"),
                        url=reverse("admin:retention_consentimport_retry", args=[job.consent_import.pk]),
                        permission="retention.add_consentimport",
                    )
                ],
            )
