"""What saving a segment will do, in words, before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns import segment_words
from campaigns.models import Segment
from campaigns.services import segment_book, segment_uses, segments
from retention import counts
from retention.models import Customer


@dataclass(frozen=True, kw_only=True)
class SegmentPlan:
    """Counts when it is shown, which is after the save was undone: counting keeps nobody from writing."""

    segment: Segment
    definition: segment_book.Definition
    new: bool
    at: datetime

    @property
    def name(self) -> str:
        return self.segment.name

    @property
    def sentences(self) -> list[str]:
        return [segment_words.whom(self.definition), *self._now()]

    @property
    def effects(self) -> list[str]:
        if self.new:
            return [_("It is a new segment. Nothing asks for it yet.")]
        uses = segment_uses.uses(self.segment, at=self.at)
        if not uses:
            return [_("Nothing asks for it yet.")]
        return [_("From now on this decides for %(use)s.") % {"use": use.words} for use in uses]

    def _now(self) -> Iterator[str]:
        if self.definition.kind == Segment.Kind.LIST:
            yield _("Put people on it by a file, once it is saved.")
            return
        known = segment_book.book(self.definition)
        meant = segments.meaning(self.definition.slug, at=self.at, within=known)
        everybody = Customer.objects.living().filter(erased_at=None).count()
        yield _("Today that is %(some)s of %(all)s customers.") % {
            "some": counts.show(segments.matching(meant).count()),
            "all": counts.show(everybody),
        }
        for fault in meant.faults:
            yield f"{fault.what}. {fault.cure}"
