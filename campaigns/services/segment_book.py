"""Segments as they are stored or about to be: their rules, and which refers to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from campaigns.models import Segment

IN_SEGMENT = "campaigns.in_segment"
"""Name of the condition that refers to a segment."""

MOST_RULES = 200
"""Rules that one segment may come to, those of the segments that it refers to included."""

DEEPEST = 20
"""Segments in segments."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    parameters: Mapping[str, Any]
    negated: bool = False

    @property
    def refers_to(self) -> str:
        """Short name of the segment that it is about; empty for any other rule."""
        if self.name != IN_SEGMENT or not isinstance(self.parameters, Mapping):
            return ""
        return str(self.parameters.get("segment", ""))


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A segment as it is stored, or as it is about to be."""

    pk: int | None
    slug: str
    name: str
    kind: str = Segment.Kind.RULES
    match: str = Segment.Match.ALL
    rules: tuple[Rule, ...] = ()

    @property
    def refers_to(self) -> list[str]:
        if self.kind == Segment.Kind.LIST:
            return []
        return [rule.refers_to for rule in self.rules if rule.refers_to]


Book = Mapping[str, Definition]
"""Every segment by its short name."""


class InACircle(Exception):
    """A segment cannot refer to itself, nor to one that leads back to it."""


class TooLarge(Exception):
    """A segment comes to more rules than a database should be asked at once."""


def book(*changed: Definition) -> dict[str, Definition]:
    """Return all segments, with these as they are about to be. One query."""
    found: dict[str, Definition] = {}
    rows = Segment.objects.order_by("pk", "rules__pk").values_list(
        "pk", "slug", "name", "kind", "match", "rules__name", "rules__parameters", "rules__negated"
    )
    for pk, slug, name, kind, match, condition, parameters, negated in rows:
        before = found[slug].rules if slug in found else ()
        rule = (Rule(name=condition, parameters=parameters, negated=negated),) if condition else ()
        found[slug] = Definition(pk=pk, slug=slug, name=name, kind=kind, match=match, rules=(*before, *rule))
    return found | {one.slug: one for one in changed}


def definition(segment: Segment) -> Definition:
    """Return a segment as it is stored; its rules may be prefetched."""
    rules = sorted(segment.rules.all(), key=lambda rule: rule.pk)
    return Definition(
        pk=segment.pk,
        slug=segment.slug,
        name=segment.name,
        kind=segment.kind,
        match=segment.match,
        rules=tuple(Rule(name=rule.name, parameters=rule.parameters, negated=rule.negated) for rule in rules),
    )


def check(segment: Definition) -> None:
    """Refuse a segment that leads back to itself, or comes to too much. Raises InACircle or TooLarge."""
    known = book(segment)
    if names := circle(segment.slug, known):
        raise InACircle(_("This would go round in a circle: %(names)s.") % {"names": " → ".join(names)})
    if not fits(segment, known):
        raise TooLarge(
            _("With the segments that it refers to, this comes to more than %(most)s rules, or goes too deep.")
            % {"most": MOST_RULES}
        )


def circle(slug: str, known: Book) -> list[str]:
    """Return the names on a shortest way from a segment back to itself; empty where there is none."""
    came_from: dict[str, str] = {}
    reached = [slug]
    for here in reached:
        for there in known[here].refers_to if here in known else ():
            if there == slug:
                way = [here]
                while way[-1] != slug:
                    way.append(came_from[way[-1]])
                return [known[one].name for one in (slug, *way)][::-1]
            if there not in came_from:
                came_from[there] = here
                reached.append(there)
    return []


def fits(segment: Definition, known: Book) -> bool:
    """Whether it comes to no more than can be asked at once. What goes round in a circle is not asked at all."""
    total, rest = 0, [(segment, 1)]
    while rest:
        one, depth = rest.pop()
        total += max(len(one.rules), 1)
        if total > MOST_RULES or depth > DEEPEST:
            return False
        rest += [(known[slug], depth + 1) for slug in one.refers_to if slug in known and not circle(slug, known)]
    return True
