"""Segments and the people in them, for a test."""

from __future__ import annotations

from typing import Any

from campaigns.models import Segment, SegmentRule
from campaigns.services import segments
from retention.models import Customer
from tests.campaigns.shelf import NOW

Rule = tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], str]


def segment(slug: str, *rules: Rule, match: str = "all", kind: str = "rules") -> Segment:
    """Make a segment; a rule is a condition's name, its parameters, and "not" where it is negated."""
    row = Segment.objects.create(slug=slug, name=slug.capitalize(), kind=kind, match=match, created_at=NOW)
    for name, parameters, *negated in rules:
        SegmentRule.objects.create(segment=row, name=name, parameters=parameters, negated=bool(negated))
    return row


def within(slug: str) -> Rule:
    return ("campaigns.in_segment", {"segment": slug})


def without(slug: str) -> Rule:
    return ("campaigns.in_segment", {"segment": slug}, "not")


def who(row: Segment) -> set[str]:
    """Return kind and name of everybody in a segment: ``"guest ada"`` for ada@example.com."""
    return {f"{one.kind} {one.address.partition('@')[0]}" for one in segments.people(row, at=NOW)}


def faults(row: Segment) -> list[str]:
    return [fault.what for fault in segments.meaning(row.slug, at=NOW).faults]


def of(address: str, kind: str = "guest") -> Customer:
    return Customer.objects.get(address=f"{address}@example.com", kind=kind)
