"""Who is in a segment: rules as SQL, lists as they are, and what of it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.models import Segment, SegmentMember
from campaigns.services.segment_book import Book, Definition, Rule, book, circle, fits
from retention import registry, same_person
from retention.models import Customer
from retention.registry import Condition

NOBODY = Q(pk__in=[])


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why some of a segment cannot be asked, and what to do about it."""

    what: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class Meaning:
    where: Q
    """Over ``Customer``, never NULL. What cannot be asked lets nobody in, so it may hold for too few."""
    faults: tuple[Fault, ...] = ()
    """Its own; those of segments that it refers to are told of these."""
    whole: bool = True
    """Whether all of it could be asked, down to the last segment that it refers to."""
    newcomer: bool = False
    """Whether somebody is in it whom nobody has seen before, so that there is no row to ask about."""


def people(segment: Segment, *, at: datetime) -> QuerySet[Customer]:
    """Return who is in it now: rows that stand for themselves, and were not erased."""
    return matching(meaning(segment.slug, at=at))


def matching(meant: Meaning) -> QuerySet[Customer]:
    """Return the customers that are meant."""
    return Customer.objects.living().filter(meant.where, erased_at=None)


def where(slug: str, at: datetime) -> Q:
    """Return who is in a segment, over ``Customer``; nobody where there is no such segment."""
    return meaning(slug, at=at).where


def meaning(slug: str, *, at: datetime, within: Book | None = None) -> Meaning:
    """Read a segment with all that it refers to."""
    known = book() if within is None else within
    if slug not in known:
        return Meaning(where=NOBODY, faults=(_gone(slug),), whole=False)
    return _Reader(known, at).read(known[slug])


class _Reader:
    """Turns segments of one book into SQL, each once."""

    def __init__(self, known: Book, at: datetime) -> None:
        self.known, self.at = known, at
        self.read_before: dict[str, Meaning] = {}

    def read(self, segment: Definition) -> Meaning:
        if segment.slug not in self.read_before:
            self.read_before[segment.slug] = self._read(segment)
        return self.read_before[segment.slug]

    def _read(self, segment: Definition) -> Meaning:
        if segment.kind == Segment.Kind.LIST:
            return Meaning(where=_listed(segment))
        if names := circle(segment.slug, self.known):
            return _nobody(
                _("It goes round in a circle: %(names)s") % {"names": " → ".join(names)},
                _("Take one of the rules out by which it comes back to itself."),
            )
        if not fits(segment, self.known):
            return _nobody(
                _("With the segments that it refers to, it comes to too many rules, or goes too deep"),
                _("Take some rules out."),
            )
        if not segment.rules:
            return _nobody(_("It has no rules"), _("Add the first rule."))
        parts = [self._rule(rule) for rule in segment.rules]
        either = segment.match == Segment.Match.ANY
        combined = parts[0].where
        for part in parts[1:]:
            combined = combined | part.where if either else combined & part.where
        newcomers = [part.newcomer for part in parts]
        return Meaning(
            where=combined,
            newcomer=any(newcomers) if either else all(newcomers),
            faults=tuple(fault for part in parts for fault in part.faults),
            whole=all(part.whole for part in parts),
        )

    def _rule(self, rule: Rule) -> Meaning:
        return self._segment(rule) if rule.refers_to else self._condition(rule)

    def _segment(self, rule: Rule) -> Meaning:
        other = self.known.get(rule.refers_to)
        if other is None:
            return Meaning(where=NOBODY, faults=(_gone(rule.refers_to),), whole=False)
        meant = self.read(other)
        if not rule.negated:
            return Meaning(where=meant.where, whole=meant.whole, newcomer=meant.newcomer)
        if not meant.whole:
            return Meaning(where=NOBODY, whole=False)  # too few in there would be too many out here
        return Meaning(where=~meant.where, newcomer=not meant.newcomer)

    def _condition(self, rule: Rule) -> Meaning:
        condition = registry.conditions.get(rule.name)
        if condition is None:
            return _nobody(
                _("It asks for the condition %(name)s, which is not there") % {"name": rule.name},
                _("Install the app that brings it, or take the rule out."),
            )
        reason = unanswerable(condition, rule.parameters)
        try:
            asked = NOBODY if reason else condition.where(rule.parameters, at=self.at)
        except ValueError as error:
            reason = str(error)
        if reason:
            return _nobody(
                _("The rule “%(rule)s” cannot be asked (%(reason)s)") % {"rule": condition.label, "reason": reason},
                _("Open the segment and fill the rule in again, or take it out."),
            )
        # a query of its own: NULL is no, and joins of one rule do not meet those of another
        holds = Q(Exists(Customer.objects.filter(asked, pk=OuterRef("pk")).order_by()))
        newcomer = condition.newcomer(rule.parameters, at=self.at)
        return Meaning(where=~holds, newcomer=not newcomer) if rule.negated else Meaning(where=holds, newcomer=newcomer)


def _nobody(what: str, cure: str) -> Meaning:
    return Meaning(where=NOBODY, faults=(Fault(what=what, cure=cure),), whole=False)


def _gone(slug: str) -> Fault:
    return Fault(
        what=_("It refers to the segment “%(slug)s”, which is not there any more") % {"slug": slug},
        cure=_("Take the rule out, or make a segment with this short name again."),
    )


def _listed(segment: Definition) -> Q:
    """Match who is on a list, with every row of their address."""
    return same_person.any_of(SegmentMember.objects.filter(segment=segment.pk))


def faults(*, at: datetime) -> Iterator[tuple[Definition, Fault]]:
    """Yield what of each segment cannot be asked."""
    known = book()
    reader = _Reader(known, at)
    for one in known.values():
        for fault in reader.read(one).faults:
            yield one, fault


def unanswerable(condition: Condition, parameters: Any) -> str:
    """Return why a condition cannot be asked with these parameters; empty where it can."""
    try:
        condition.clean(parameters)
    except ValidationError as error:
        return " ".join(error.messages)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""
