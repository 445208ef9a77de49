"""Setting earning rules: a changed one gets a successor, and what could never count is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import EarningRule, Programme

Effect, Scope = EarningRule.Effect, EarningRule.Goods

SAID = (
    "name", "goods", "products", "categories", "when", "nth", "tier", "condition", "parameters", "placed_from",
    "placed_until", "effect", "times", "points",
)  # fmt: skip
"""What a rule says, apart from since when."""

EXCLUSIVE = {Effect.TIMES, Effect.NOTHING}
"""Of these only one counts for the same goods."""


class Contradiction(Exception):
    """Another rule says something else of the same goods and orders at the same time; ``other`` is that rule."""

    def __init__(self, other: EarningRule) -> None:
        super().__init__(other.name)
        self.other = other


class ChangedMeanwhile(Exception):
    """Somebody else has changed or ended this rule since it was read."""


def set_rule(programme: Programme, *, at: datetime, replaces: EarningRule | None = None, **said: Any) -> EarningRule:
    """Let orders placed from ``at`` on earn by a rule; ``said`` are its fields. Returns the rule that holds now.

    ``replaces``: the rule that it is a new version of; that one ends at ``at`` and keeps what it has awarded. The same
    again is no new version. Raises Contradiction, ChangedMeanwhile, and IntegrityError for a rule without sense.
    """
    with transaction.atomic():
        hold(Programme.objects.filter(pk=programme.pk))  # two who set rules at once see each other's
        rule = EarningRule(programme=programme, starts_at=at, replaces=replaces, **said)
        if replaces is not None:
            replaces = EarningRule.objects.current().filter(pk=replaces.pk).first()
            if replaces is None:
                raise ChangedMeanwhile
            if all(getattr(rule, field) == getattr(replaces, field) for field in SAID):
                return replaces
            rule.starts_at = max(at, replaces.starts_at)
            EarningRule.objects.filter(pk=replaces.pk).update(superseded_at=rule.starts_at)
        others = EarningRule.objects.of(programme).current()
        for other in others:
            if contradict(rule, other):
                raise Contradiction(other)
        rule.save()
    return rule


def end(rules: Iterable[EarningRule], *, at: datetime) -> int:
    """Let orders placed from ``at`` on earn without these rules. Returns how many ended now."""
    current = EarningRule.objects.current().filter(pk__in=[rule.pk for rule in rules])
    begun = current.filter(starts_at__lte=at).update(superseded_at=at)
    ahead = [rule.pk for rule in current.filter(starts_at__gt=at)]
    for pk in ahead:  # set for later by a clock that went ahead of ours: one or two at most
        begun += current.filter(pk=pk).update(superseded_at=current.get(pk=pk).starts_at)
    return begun


def follow_tiers(renamed: Mapping[str, str]) -> int:
    """Let rules speak of tiers by their new names: old name → new one, without letter case. Returns how many do now.

    No new version, and versions of before follow too: what a rule promises, and to whom, stays the same.
    """
    names = {old.strip().casefold(): new for old, new in renamed.items()}
    if not names:
        return 0
    found = defaultdict(list)
    for pk, tier in EarningRule.objects.filter(when=EarningRule.When.TIER).values_list("pk", "tier"):
        if tier.strip().casefold() in names:
            found[names[tier.strip().casefold()]].append(pk)
    return sum(EarningRule.objects.filter(pk__in=rules).update(tier=new) for new, rules in found.items())


def meet_in_time(one: EarningRule, other: EarningRule) -> bool:
    """Whether some order can be placed in the dates of both."""
    begins = [start for start in (one.placed_from, other.placed_from) if start]
    ends = [end for end in (one.placed_until, other.placed_until) if end]
    return not begins or not ends or max(begins) < min(ends)


def meet_in_goods(one: EarningRule, other: EarningRule) -> bool:
    """Whether some goods are, or may be, of both: a product that one names may stand in a category of the other."""
    if Scope.ALL in (one.goods, other.goods) or one.goods != other.goods:
        return not (
            {one.goods, other.goods} == {Scope.ONLY, Scope.EXCEPT}
            and set(one.products) == set(other.products)
            and set(one.categories) == set(other.categories)
        )
    if one.goods == Scope.EXCEPT:
        return True
    mixed = bool(one.products and other.categories) or bool(one.categories and other.products)
    nested = any(
        mine == theirs or mine.startswith(f"{theirs}/") or theirs.startswith(f"{mine}/")
        for mine in one.categories
        for theirs in other.categories
    )
    return mixed or nested or not set(one.products).isdisjoint(other.products)


def meet(one: EarningRule, other: EarningRule) -> bool:
    """Whether both can hold for the same goods of the same order."""
    numbers = {EarningRule.When.FIRST, EarningRule.When.NTH}
    if one.when in numbers and other.when in numbers and (one.nth or 1) != (other.nth or 1):
        return False
    return meet_in_time(one, other) and meet_in_goods(one, other)


def contradict(one: EarningRule, other: EarningRule) -> bool:
    """Whether both are about exactly the same goods and orders at a time, and only one of them could ever count."""

    def about(rule: EarningRule) -> tuple[Any, ...]:
        first = rule.when == EarningRule.When.NTH and rule.nth == 1
        when = EarningRule.When.FIRST if first else rule.when
        asked = tuple(sorted((name, str(value)) for name, value in rule.parameters.items()))
        return (
            rule.goods, frozenset(rule.products), frozenset(rule.categories), when, None if first else rule.nth,
            rule.tier.strip().casefold(), rule.condition, asked,
        )  # fmt: skip

    exclusive = one.effect in EXCLUSIVE and other.effect in EXCLUSIVE
    return exclusive and about(one) == about(other) and meet_in_time(one, other)
