"""What of segments, and of conditions that offers and journeys ask, cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.models import Journey, JourneyCondition, OfferCondition
from campaigns.services import segments
from retention import registry
from retention.registry import Trouble


def find(at: datetime) -> Iterator[Trouble]:
    """Yield each rule and condition that lets nobody in because it cannot be asked."""
    for segment, fault in segments.faults(at=at):
        yield Trouble(
            what=_("Segment “%(name)s”: %(fault)s") % {"name": segment.name, "fault": _lower(fault.what)},
            cure=fault.cure,
            url=reverse("admin:retention_campaigns_segment_change", args=[segment.pk]),
        )
    offers = OfferCondition.objects.filter(offer__active=True).order_by("pk")
    yield from _conditions("offer", offers.values_list("offer", "offer__name", "name", "parameters"))
    journeys = JourneyCondition.objects.exclude(journey__state=Journey.State.OFF).order_by("pk")
    yield from _conditions("journey", journeys.values_list("journey", "journey__name", "name", "parameters"))


def _conditions(model: str, rows: Iterable[tuple[int, str, str, object]]) -> Iterator[Trouble]:
    words = {
        "offer": _("Offer “%(name)s” lets nobody in: “%(condition)s” cannot be asked (%(reason)s)"),
        "journey": _("Journey “%(name)s” lets nobody in: “%(condition)s” cannot be asked (%(reason)s)"),
    }
    for pk, name, asked, parameters in rows:
        condition = registry.conditions.get(asked)
        reason = segments.unanswerable(condition, parameters) if condition else ""
        if condition and reason:
            yield Trouble(
                what=words[model] % {"name": name, "condition": condition.label, "reason": reason},
                cure=_("Open it and fill the condition in again, or take it out."),
                url=reverse(f"admin:retention_campaigns_{model}_change", args=[pk]),
            )


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def load() -> None:
    """Register the troubles."""
    registry.troubles.add("campaigns.segments", find)
