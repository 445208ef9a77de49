"""What saving a journey will do, in words, before it is saved."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import journey_words
from campaigns.admin.offer_plan import Plan
from campaigns.models import Enrolment, Journey, JourneyVersion
from campaigns.services import entries, exits, permission
from retention.models import Fact
from retention.services import installation

DAYS = 30
LOOK_AT = 2000
"""So many customers, the latest, are tried; more would make staff wait."""


def plan(journey: Journey, version: JourneyVersion, *, before: int, at: datetime) -> Plan:
    """Say what a journey does as it is in this transaction; ``before`` is the number of its version before that."""
    return Plan(
        name=journey.name,
        sentences=list(journey_words.sentences(version)),
        effects=[*_versions(version, before), _state(journey), *_reach(version, at=at)],
    )


def _versions(version: JourneyVersion, before: int) -> list[str]:
    if version.number == before:
        return [_("What it does stays as it is (version %(number)s).") % {"number": before}]
    under_way = Enrolment.objects.filter(
        version__journey=version.journey_id, state__in=[Enrolment.State.ACTIVE, Enrolment.State.STUCK]
    ).count()
    said = [_("Who enters from now on goes through this, as version %(number)s.") % {"number": version.number}]
    if before:
        said.append(
            ngettext(
                "%(n)s passage that is under way goes on as it began.",
                "%(n)s passages that are under way go on as they began.",
                under_way,
            )
            % {"n": under_way}
        )
    return said


def _state(journey: Journey) -> str:
    if journey.state == Journey.State.ON:
        return _("It is on: real customers get this.")
    if journey.state == Journey.State.DRY:
        return _("It is in a dry run: who would enter is noted, and nobody gets anything.")
    return _("It is off: nobody enters, and who is in it waits.")


def _reach(version: JourneyVersion, *, at: datetime) -> list[str]:
    if installation.get().live_since is None:
        return [_("The shop is not live with us yet: nobody enters before it is.")]
    recent = Fact.objects.filter(
        kind=version.trigger, happened_at__gte=at - timedelta(days=DAYS), customer__isnull=False
    )
    latest = recent.order_by("-happened_at").values_list("customer", flat=True)[:LOOK_AT]
    people = {customer for customer in latest if customer is not None}
    matching = entries.match(version, people, at=at)
    for purpose in exits.purposes(version.steps):
        matching &= permission.granted(matching, purpose=purpose)
    said = ngettext(
        "In the last %(days)s days it would have started for %(all)s customer; %(n)s of them fits and may be "
        "written to today.",
        "In the last %(days)s days it would have started for %(all)s customers; %(n)s of them fit and may be "
        "written to today.",
        len(people),
    ) % {"days": DAYS, "all": len(people), "n": len(matching)}
    return [said]
