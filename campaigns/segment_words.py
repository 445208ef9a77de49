"""Segments in words, for staff."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import Segment
from campaigns.services.segment_book import Definition, Rule
from retention import counts, registry


def whom(segment: Definition) -> str:
    """Return whom it means, e.g. "Who has an account and has not ordered in the last 90 days."."""
    if segment.kind == Segment.Kind.LIST:
        return _("Who is on the list.")
    if not segment.rules:
        return _("Nobody: it has no rules.")
    between = _(" or ") if segment.match == Segment.Match.ANY else _(" and ")
    return _("Who %(rules)s.") % {"rules": between.join(_rule(rule) for rule in segment.rules)}


def _rule(rule: Rule) -> str:
    condition = registry.conditions.get(rule.name)
    if condition is None:
        return _("fits a condition that is not there (%(name)s)") % {"name": rule.name}
    return condition.opposite(rule.parameters) if rule.negated else condition.words(rule.parameters)


def customers(count: int) -> str:
    """Return how many."""
    return ngettext("%(n)s customer", "%(n)s customers", count) % {"n": counts.show(count)}
