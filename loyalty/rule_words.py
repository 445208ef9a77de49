"""Earning rules in words, from the rules themselves: for shoppers, for staff, and what several do together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal

from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import goods_words
from campaigns.goods_words import Titles
from loyalty import queries, showing
from loyalty.models import EarningRule, Rate
from loyalty.services import breakdown, earning, rules
from loyalty.services.earning import State, Terms
from loyalty.services.goods import Goods
from loyalty.services.matching import Held
from retention import enumeration, registry
from retention.money import show, to_minor

Effect, Scope, When = EarningRule.Effect, EarningRule.Goods, EarningRule.When

LISTED = 5
"""Names of goods that a sentence holds before "… more"."""


def titles(found: Iterable[EarningRule]) -> Titles:
    """Return the titles of the products that rules name: the shop is asked once, or not at all."""
    return goods_words.titles_of({product for rule in found for product in rule.products}) or {}


def tiers(found: Iterable[EarningRule]) -> Mapping[str, str]:
    """Return what the tiers that rules name are called now: one query, or none."""
    return queries.tiers_called() if any(rule.tier for rule in found) else {}


def of_rule(
    rule: EarningRule,
    known: Titles,
    *,
    staff: bool = False,
    rates: Sequence[Rate] = (),
    called: Mapping[str, str] | None = None,
) -> str:
    """Return what a rule promises, e.g. "Tea weeks: 2 × the points on tea; on the first order".

    ``rates``: those that say what a point is worth, where shoppers read points as money. ``called``: from ``tiers``,
    where there are several rules.
    """
    parts = [
        _gives_back(rule, known, rates) if rates else _does(rule, known),
        *_when(rule, called, staff=staff),
        *_dates(rule),
    ]
    return _("%(name)s: %(what)s") % {"name": rule.name, "what": "; ".join(parts)}


def _does(rule: EarningRule, known: Titles) -> str:
    goods = of_goods(rule, known)
    words = {"goods": goods, "points": rule.points or 0, "times": times(rule.times or Decimal(1))}
    match rule.effect:
        case Effect.NOTHING:
            return _("%(goods)s: no points") % words
        case Effect.PIECE:
            text = ngettext(
                "%(points)s extra point for each piece of %(goods)s",
                "%(points)s extra points for each piece of %(goods)s",
                rule.points or 0,
            )
            return text % words
        case Effect.ORDER if rule.goods == Scope.ALL:
            return ngettext("%(points)s extra point", "%(points)s extra points", rule.points or 0) % words
        case Effect.ORDER:
            text = ngettext(
                "%(points)s extra point on an order with %(goods)s",
                "%(points)s extra points on an order with %(goods)s",
                rule.points or 0,
            )
            return text % words
    return _("%(times)s × the points on %(goods)s") % words


def of_goods(rule: EarningRule, known: Titles) -> str:
    """Return the goods that a rule is about."""
    names = [
        *(known.get(product, product) for product in rule.products),
        *(category.rpartition("/")[2].replace("-", " ") for category in rule.categories),
    ]
    more = len(names) - LISTED
    if more > 0:
        names = [*names[:LISTED], ngettext("%(n)s more", "%(n)s more", more) % {"n": more}]
    if rule.goods == Scope.ALL:
        return _("all goods")
    if rule.goods == Scope.EXCEPT:
        return _("all goods but these: %(names)s") % {"names": enumeration.listed(names)}
    return enumeration.listed(names)


def _gives_back(rule: EarningRule, known: Titles, rates: Sequence[Rate]) -> str:
    """Return what a rule gives, in money."""
    amount = showing.gain(rule.points or 0, rates)
    words = {"goods": of_goods(rule, known), "amount": amount, "times": times(rule.times or Decimal(1))}
    match rule.effect:
        case Effect.NOTHING:
            return _("%(goods)s: nothing back") % words
        case Effect.PIECE:
            return _("%(amount)s extra for each piece of %(goods)s") % words
        case Effect.ORDER if rule.goods == Scope.ALL:
            return _("%(amount)s extra") % words
        case Effect.ORDER:
            return _("%(amount)s extra on an order with %(goods)s") % words
    return _("%(times)s × as much back on %(goods)s") % words


def _when(rule: EarningRule, called: Mapping[str, str] | None, *, staff: bool) -> Iterator[str]:
    match rule.when:
        case When.FIRST:
            yield _("on the first order")
        case When.NTH:
            yield _("on order number %(n)s") % {"n": rule.nth}
        case When.EVERY if rule.nth and rule.nth > 1:
            yield _("on orders number %(n)s, %(twice)s and so on") % {"n": rule.nth, "twice": 2 * rule.nth}
        case When.TIER:
            yield _("for who stands in %(tier)s or above") % {"tier": queries.tier_called(rule.tier, called)}
        case When.SHIPPED_FREE:
            yield _("on orders without shipping costs")
        case When.CONDITION:
            condition = registry.conditions.get(rule.condition)
            if not staff:
                yield _("for some of our customers")
            elif condition is None:
                yield _("for nobody: there is no condition “%(name)s” any more") % {"name": rule.condition}
            else:
                yield _("for who %(condition)s") % {"condition": condition.words(rule.parameters)}


def _dates(rule: EarningRule) -> Iterator[str]:
    if rule.placed_from:
        yield _("on orders placed from %(moment)s") % {"moment": moment(rule.placed_from)}
    if rule.placed_until:
        yield _("on orders placed before %(moment)s") % {"moment": moment(rule.placed_until)}


def moment(at: datetime) -> str:
    """Return a time as the reader writes it, in the shop's zone; of a day's first instant the day says enough."""
    local = localtime(at)
    return date_format(local, "DATETIME_FORMAT" if local.time() != time() else "DATE_FORMAT")


def times(number: Decimal) -> str:
    """Return a multiplier without needless zeros, as the reader writes it."""
    return number_format(Decimal(f"{number.normalize():f}"))


# What comes out, for staff


def example(rule: EarningRule, rate: Rate, known: Titles) -> str:
    """Return what an order to which a rule applies earns, e.g. "An order of €100.00 with €40.00 of tea earns 140"."""
    inside, outside = _sample(rule, inside=True), _sample(rule, inside=False)
    some, rest, all_of_it = (to_minor(Decimal(units), rate.currency) for units in (40, 60, 100))
    if rule.goods == Scope.ALL:
        earned = _earned([rule], rate, [_goods("1", inside, all_of_it)])
        text = ngettext(
            "An order of %(all)s earns %(points)s point.", "An order of %(all)s earns %(points)s points.", earned
        )
    else:
        earned = _earned([rule], rate, [_goods("1", inside, some), _goods("2", outside, rest)])
        text = ngettext(
            "An order of %(all)s with %(some)s of %(goods)s earns %(points)s point.",
            "An order of %(all)s with %(some)s of %(goods)s earns %(points)s points.",
            earned,
        )
    return text % {
        "all": show(all_of_it, rate.currency),
        "some": show(some, rate.currency),
        "goods": of_goods(rule, known),
        "points": number_format(earned, force_grouping=True),
    }


def together(rule: EarningRule, others: Iterable[EarningRule], rates: Sequence[Rate]) -> Iterator[str]:
    """Yield, for each other rule that may hold for the same goods of an order, which counts and what comes out."""
    for other in others:
        if other.pk == rule.pk or not rules.meet(rule, other):
            continue
        words = {"one": rule.name, "other": other.name}
        multiply = {rule.effect, other.effect} == {Effect.TIMES}
        if Effect.NOTHING in (rule.effect, other.effect):
            which, what = (rule, other) if rule.effect == Effect.NOTHING else (other, rule)
            yield _("Goods of “%(none)s” earn nothing, whatever “%(rule)s” says.") % {
                "none": which.name, "rule": what.name,
            }  # fmt: skip
            continue
        if multiply:
            best = times(max(rule.times or Decimal(1), other.times or Decimal(1)))
            yield _("Where “%(one)s” and “%(other)s” both hold, only the better of them counts: × %(best)s.") % {
                **words, "best": best,
            }  # fmt: skip
        else:
            yield _("Where “%(one)s” and “%(other)s” both hold, the customer gets both.") % words
        for rate in rates:
            all_of_it = to_minor(Decimal(100), rate.currency)
            sample = _sample(rule, inside=True), _sample(other, inside=True)
            both = sample[0][0] or sample[1][0], sample[0][1] | sample[1][1]
            earned = _earned([rule, other], rate, [_goods("1", both, all_of_it)])
            yield _("Such an order of %(all)s earns %(points)s points.") % {
                "all": show(all_of_it, rate.currency), "points": number_format(earned, force_grouping=True),
            }  # fmt: skip


def _sample(rule: EarningRule, *, inside: bool) -> tuple[str, frozenset[str]]:
    """Return product and categories of goods that a rule is, or is not, about."""
    if rule.goods == Scope.ALL or inside != (rule.goods == Scope.ONLY):
        return "", frozenset()
    return (rule.products[0] if rule.products else ""), frozenset(rule.categories[:1])


def _goods(line: str, kind: tuple[str, frozenset[str]], minor: int) -> Goods:
    return Goods(line=line, product=kind[0], categories=kind[1], quantity=1, minor=minor, listed_minor=minor)


def _earned(held: Sequence[EarningRule], rate: Rate, goods: Sequence[Goods]) -> int:
    kept = breakdown.record(Held(rules=tuple(held)), goods)
    total = sum(one.minor for one in goods)
    state = State(
        basis_minor=total,
        total_minor=total,
        parts=breakdown.parts(kept, goods, kind="gross", basis_minor=total),
        extras=breakdown.extras(kept, goods, basis_minor=total),
    )
    return earning.earned(state, Terms(currency=rate.currency, points=rate.points))
