"""What refers to a segment, so that nobody deletes what an offer or a journey asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.models import Coupon, JourneyCondition, OfferCondition, OfferVersion, Segment, SegmentRule
from campaigns.services.segment_book import IN_SEGMENT


@dataclass(frozen=True, kw_only=True)
class Use:
    words: str
    model: str
    """Name of the model in lower case, for a link."""
    pk: int


class InUse(Exception):
    """Something still asks for the segment, and would let nobody in without it."""

    def __init__(self, uses: list[Use]) -> None:
        super().__init__(", ".join(use.words for use in uses))
        self.uses = uses


def uses(segment: Segment, *, at: datetime) -> list[Use]:
    """Return the offers, journeys and segments that ask for it, and offers whose coupons that are out do."""
    found: dict[tuple[str, int], Use] = {}
    for use in (*_offers(segment), *_journeys(segment), *_segments(segment), *_promises(segment, at=at)):
        found.setdefault((use.model, use.pk), use)
    return list(found.values())


def delete(segment: Segment, *, at: datetime) -> None:
    """Delete it with its rules or its list. Raises InUse."""
    if found := uses(segment, at=at):
        raise InUse(found)
    segment.delete()


def _offers(segment: Segment) -> Iterator[Use]:
    asking = OfferCondition.objects.filter(name=IN_SEGMENT, parameters__segment=segment.slug)
    for pk, name in asking.order_by("offer__name", "offer").values_list("offer", "offer__name"):
        yield Use(words=_("the offer “%(name)s”") % {"name": name}, model="offer", pk=pk)


def _journeys(segment: Segment) -> Iterator[Use]:
    asking = JourneyCondition.objects.filter(name=IN_SEGMENT, parameters__segment=segment.slug)
    for pk, name in asking.order_by("journey__name", "journey").values_list("journey", "journey__name"):
        yield Use(words=_("the journey “%(name)s”") % {"name": name}, model="journey", pk=pk)


def _segments(segment: Segment) -> Iterator[Use]:
    asking = SegmentRule.objects.filter(name=IN_SEGMENT, parameters__segment=segment.slug).exclude(segment=segment)
    for pk, name in asking.order_by("segment__name", "segment").values_list("segment", "segment__name"):
        yield Use(words=_("the segment “%(name)s”") % {"name": name}, model="segment", pk=pk)


def _promises(segment: Segment, *, at: datetime) -> Iterator[Use]:
    """Yield offers that asked for it once, and whose coupons of that time can still be used."""
    out = Coupon.objects.filter(state=Coupon.State.ISSUED, expires_at__gt=at).values("version")
    for version in OfferVersion.objects.filter(pk__in=out).select_related("offer").order_by("pk"):
        asked = version.terms_json.get("conditions", ())
        if any(one["name"] == IN_SEGMENT and one["parameters"].get("segment") == segment.slug for one in asked):
            yield Use(
                words=_("coupons of the offer “%(name)s” that are out") % {"name": version.offer.name},
                model="offer",
                pk=version.offer_id,
            )
