"""What rules gave an order, line by line, as its award keeps it: ids and numbers, nothing else.

``{"rules": {id: points an order}, "all": [ids], "lines": {line: {"times": "2", "by": id, "piece": {id: points},
"order": [ids]}}}``. Of several multipliers of a line the best for the customer counts, extra points add up, and what
earns nothing earns nothing (docs/adr). A line that was recorded keeps its numbers, whatever the catalogue says later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from loyalty.models import EarningRule
from loyalty.services import goods as goods_of
from loyalty.services.earning import Extra, Part, Terms, per_minor
from loyalty.services.goods import Goods
from loyalty.services.matching import Held

Effect, Scope = EarningRule.Effect, EarningRule.Goods

WHOLE = ""
"""Stands for the goods of an order whose lines the shop does not tell."""


def is_for(rule: EarningRule, goods: Goods) -> bool:
    """Whether a rule is about these goods."""
    if rule.goods == Scope.ALL:
        return True
    named = goods.product in rule.products or not goods.categories.isdisjoint(rule.categories)
    return named == (rule.goods == Scope.ONLY)


def record(held: Held, goods: Sequence[Goods]) -> dict[str, Any]:
    """Return what holds for an order and its lines; empty where nothing does."""
    if not held.rules and not held.standing:
        return {}
    flat = [rule for rule in held.rules if rule.effect == Effect.ORDER]
    return {
        "rules": {str(rule.pk): rule.points for rule in flat},
        "all": [str(rule.pk) for rule in flat if rule.goods == Scope.ALL],
        "held": [rule.pk for rule in held.rules],
        "standing": {name: str(times) for name, times in held.standing},
        "lines": {one.line: _line(held.rules, held.standing, one) for one in told(goods)},
    }


def told(goods: Sequence[Goods]) -> Sequence[Goods]:
    """Return the lines; where there are none, one that stands for all of them and has no pieces."""
    whole = Goods(line=WHOLE, product="", categories=frozenset(), quantity=0, minor=0, listed_minor=0)
    return goods or (whole,)


def complete(kept: dict[str, Any], goods: Sequence[Goods], rules: Collection[EarningRule]) -> dict[str, Any]:
    """Return it with lines that came later, by the rules that hold for their order. ``rules``: every version."""
    new = [one for one in told(goods) if one.line not in kept["lines"]] if kept else []
    if not new:
        return kept
    held = [rule for rule in rules if rule.pk in kept["held"]]
    standing = [(name, Decimal(times)) for name, times in kept["standing"].items()]
    return {**kept, "lines": {**kept["lines"], **{one.line: _line(held, standing, one) for one in new}}}


def _line(rules: Collection[EarningRule], standing: Collection[tuple[str, Decimal]], goods: Goods) -> dict[str, Any]:
    mine = [rule for rule in rules if is_for(rule, goods)]
    none = next((rule for rule in mine if rule.effect == Effect.NOTHING), None)
    if none is not None:
        return {"times": "0", "by": str(none.pk), "piece": {}, "order": []}
    offers = [(rule.times or Decimal(1), str(rule.pk)) for rule in mine if rule.effect == Effect.TIMES]
    offers += [(times, name) for name, times in standing]
    best, by = max(offers, key=lambda offer: offer[0], default=(Decimal(1), ""))
    return {
        "times": f"{best.normalize():f}",
        "by": by,
        "piece": {str(rule.pk): rule.points for rule in mine if rule.effect == Effect.PIECE},
        "order": [str(rule.pk) for rule in mine if rule.effect == Effect.ORDER and rule.goods != Scope.ALL],
    }


def parts(kept: dict[str, Any], goods: Sequence[Goods], *, kind: str, basis_minor: int) -> tuple[Part, ...]:
    """Return an order's goods as they earn. Nothing of an order that cost nothing earns."""
    if basis_minor <= 0:
        return ()
    if not goods:
        line = kept.get("lines", {}).get(WHOLE)
        return (Part(paid=1, basis=1, times=Decimal(line["times"])),) if line else ()
    found = []
    for one, weight in zip(goods, goods_of.weights(goods, kind=kind), strict=True):
        line = kept.get("lines", {}).get(one.line)
        times = Decimal(line["times"]) if line else Decimal(1)
        flat = sum(line["piece"].values()) * one.quantity if line else 0
        found.append(Part(line=one.line, paid=max(0, one.minor), basis=weight, times=times, flat=flat))
    return tuple(found)


def extras(kept: dict[str, Any], goods: Sequence[Goods], *, basis_minor: int) -> tuple[Extra, ...]:
    """Return extra points of the order, none where all of it earns nothing."""
    if not kept or basis_minor <= 0:
        return ()
    lines = {one.line: kept["lines"][one.line] for one in told(goods) if one.line in kept["lines"]}
    earning = [name for name, line in lines.items() if Decimal(line["times"])]
    found = []
    for rule, points in kept["rules"].items() if earning else ():
        about = tuple(name for name in earning if rule in lines[name]["order"])
        if rule in kept["all"]:
            found.append(Extra(points=points))
        elif about:
            found.append(Extra(points=points, lines=tuple(name for name in about if name != WHOLE)))
    return tuple(found)


def by_rule(
    kept: dict[str, Any], goods: Sequence[Goods], terms: Terms, *, kind: str, basis_minor: int
) -> dict[str, int]:
    """Return rule → the points that it added to the rate's before refunds, each rounded down; below zero: it took."""
    if not kept:
        return {}
    mine = parts(kept, goods, kind=kind, basis_minor=basis_minor)
    whole = sum(part.basis for part in mine)
    added: dict[str, Fraction] = {}
    for part in mine:
        line = kept["lines"].get(part.line)
        if line is None or not whole:
            continue
        share = Fraction(part.basis * basis_minor, whole) * per_minor(terms) * (Fraction(part.times) - 1)
        if line["by"]:
            added[line["by"]] = added.get(line["by"], Fraction(0)) + share
        for rule, points in line["piece"].items():
            quantity = next((one.quantity for one in goods if one.line == part.line), 0)
            added[rule] = added.get(rule, Fraction(0)) + points * quantity
    given = extras(kept, goods, basis_minor=basis_minor)
    if given:
        lines = {one.line: kept["lines"].get(one.line) for one in told(goods)}
        for rule, points in kept["rules"].items():
            if rule in kept["all"] or any(line and rule in line["order"] for line in lines.values()):
                added[rule] = added.get(rule, Fraction(0)) + points
    return {rule: int(points) for rule, points in added.items() if int(points)}
