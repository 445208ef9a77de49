"""What a fresh installation gets: three journeys in a dry run, with their offers and survey.

A command and not a migration makes them: names are in the shop's language and belong to the merchant, who may
delete or rename them for good; a migration would bind its history to texts, and make rows in every test.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns import conditions
from campaigns.models import Journey, JourneyCondition, Offer, Step, Survey
from campaigns.services import journeys, offers
from campaigns.terms import Kind, Terms
from retention.facts import OrderPlaced, SignupConfirmed

WELCOME, NEXT_ORDER, SATISFACTION = "welcome", "next-order", "satisfaction"


def install(*, at: datetime) -> list[str]:
    """Make what is missing, in a dry run: nobody gets anything before a person switches a journey on.

    What is there stays as it is, so calling it again changes nothing. Returns the slugs of the journeys made.
    """
    made = []
    with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
        for slug, make in ((WELCOME, _welcome), (NEXT_ORDER, _next_order), (SATISFACTION, _satisfaction)):
            if not Journey.objects.filter(slug=slug).exists():
                make(at)
                made.append(slug)
    return made


def _welcome(at: datetime) -> Journey:
    terms = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, per_customer=1, first_order_only=True)
    journey = Journey.objects.create(
        slug=WELCOME, name=_("Welcome"), trigger=SignupConfirmed.kind, once=Journey.Once.PERSON, exits=["ordered"]
    )
    JourneyCondition.objects.create(journey=journey, name=conditions.FIRST_ORDER.name)
    offer = _offer(WELCOME, _("Welcome"), terms, "HELLO", at)
    return _begin(journey, [{"kind": "coupon", "offer": offer}, {"kind": "mail", "mail": "campaigns.welcome"}], at)


def _next_order(at: datetime) -> Journey:
    terms = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=60)
    journey = Journey.objects.create(
        slug=NEXT_ORDER, name=_("Next order"), trigger=OrderPlaced.kind, once=Journey.Once.ORDER,
        exits=["ordered", "returned"],
    )  # fmt: skip
    offer = _offer(NEXT_ORDER, _("Thank you"), terms, "THANKS", at)
    return _begin(journey, [{"kind": "coupon", "offer": offer}, {"kind": "mail", "mail": "campaigns.next_order"}], at)


def _satisfaction(at: datetime) -> Journey:
    survey = Survey.objects.get_or_create(slug=SATISFACTION, defaults={"name": _("Satisfaction")})[0]
    journey = Journey.objects.create(
        slug=SATISFACTION, name=_("Satisfaction"), trigger=OrderPlaced.kind, once=Journey.Once.ORDER,
        exits=["returned"],
    )  # fmt: skip
    return _begin(journey, [{"kind": "survey", "survey": survey}], at)


def _offer(slug: str, name: str, terms: Terms, prefix: str, at: datetime) -> Offer:
    offer = Offer.objects.filter(slug=slug).first()
    return offer or offers.create(slug=slug, name=name, terms=terms, prefix=prefix, at=at)


def _begin(journey: Journey, steps: Sequence[dict[str, Any]], at: datetime) -> Journey:
    Step.objects.bulk_create(
        Step(journey=journey, position=number, **step) for number, step in enumerate(steps, start=1)
    )
    journeys.switch(journey, Journey.State.DRY, at=at)
    return journey
