"""What of gifts, challenges and giving can be wrong, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.reasons import Reason
from campaigns.services.segments import unanswerable
from loyalty import giving_words
from loyalty.models import Challenge, Present
from loyalty.services import causes
from retention import registry
from retention.registry import Trouble


def find(at: datetime) -> Iterator[Trouble]:
    """Yield what staff should look at."""
    yield from _waiting()
    yield from _conditions(at)
    yield from _overpaid()


def _waiting() -> Iterator[Trouble]:
    """Yield presents that cannot be given, by the offer that does not give them."""
    rows = Present.objects.due().exclude(waits="").order_by("offer__name", "waits")
    labels = dict(Reason.choices)
    for offer, name, waits, count in rows.values_list("offer", "offer__name", "waits").annotate(n=Count("pk")):
        yield Trouble(
            what=ngettext(
                "%(count)s gift waits to be given: %(why)s", "%(count)s gifts wait to be given: %(why)s", count
            )
            % {"count": count, "why": f"{name}: {labels.get(waits, waits)}" if name else waits},
            cure=_(
                "Switch the offer on, or let it go on longer: they are given within ten minutes then. Nothing is lost."
            )
            if offer
            else _("They are given once the customer has an account."),
            count=count,
            url=reverse("admin:retention_loyalty_present_changelist") + "?state__exact=due",
        )


def _conditions(at: datetime) -> Iterator[Trouble]:
    for challenge in Challenge.objects.open(at=at).exclude(condition="").order_by("pk"):
        condition = registry.conditions.get(challenge.condition)
        if condition is None or unanswerable(condition, challenge.parameters):
            yield Trouble(
                what=_("The challenge “%(name)s” is for nobody: its condition %(condition)s cannot be asked")
                % {"name": challenge.name, "condition": condition.label if condition else challenge.condition},
                cure=_("Bring back what the condition asks for, e.g. its segment, or end the challenge."),
                url=reverse("admin:retention_loyalty_challenge_change", args=[challenge.pk]),
            )


def _overpaid() -> Iterator[Trouble]:
    for one in causes.owed():
        if one.owed_minor < 0:
            yield Trouble(
                what=f"{one.cause.name}: {giving_words.owed(one)}",
                cure=_(
                    "Orders were cancelled after they were paid out. Pay less the next time; nothing else is to do."
                ),
                url=reverse("admin:retention_loyalty_cause_change", args=[one.cause.pk]),
            )


def load() -> None:
    """Register them."""
    registry.troubles.add("loyalty.presents", find)
