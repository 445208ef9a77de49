"""What journeys, surveys and recovery cases register with the ground."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns import journey_panels, journey_troubles, mails
from campaigns.facts import SurveyAnswered
from campaigns.services import cases, enrolments, exits, invitations, journey_person, triggers
from retention import registry
from retention.facts import OrderChangedHands, OrderDelivered, OrderFulfilled
from retention.registry import Person, Tick

TICKS = [
    Tick(
        name="campaigns.journeys",
        every=2,
        run=lambda at: enrolments.advance(at=at),
        does=_("takes the steps of journeys that are due"),
    ),
    Tick(
        name="campaigns.surveys",
        every=2,
        run=lambda at: invitations.send(at=at),
        does=_("sends invitations to surveys and reminders that are due"),
    ),
]


def load() -> None:
    """Register triggers, exit rules, mails, subscribers, ticks, and what staff see."""
    exits.load()
    mails.load()
    triggers.load()
    registry.subscribe(
        "campaigns.replan_invitations",
        OrderFulfilled,
        OrderDelivered,
        OrderChangedHands,
        does=_("moves planned survey invitations to the time that follows from the order"),
        handle=invitations.replan,
    )
    registry.subscribe(
        "campaigns.open_cases",
        SurveyAnswered,
        does=_("opens a recovery case for a low score"),
        handle=cases.open_for_answers,
    )
    for tick in TICKS:
        registry.ticks.add(tick.name, tick)
    registry.people.add(
        "campaigns.journeys",
        Person(
            name="campaigns.journeys",
            export=journey_person.export,
            erase=journey_person.erase,
            absorb=journey_person.absorb,
        ),
    )
    journey_panels.load()
    journey_troubles.load()
