"""All that a programme gives, in words made from the live rows: rates, rules, actions and limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from loyalty import deeds, rule_words, showing, terms
from loyalty.models import ActionRule, Programme, Rate
from loyalty.models.action import Often
from loyalty.models.programme import Basis, ShownAs
from loyalty.services.programmes import Running


def for_shoppers(running: Running, *, at: datetime) -> Iterator[str]:
    """Yield what a shopper should know, a sentence each: what earns first, when points open and end, how to leave."""
    rules = [rule for rule in running.rules if rule.in_force(at) or _ahead(rule.placed_from, at, rule.superseded_at)]
    known, called = rule_words.titles(rules), rule_words.tiers(rules)
    worth = running.worth if running.programme.shown_as == ShownAs.MONEY else []
    said = list(terms.for_shoppers(running.programme, running.rates))
    rates = sum(rate.superseded_at is None for rate in running.rates)
    yield from said[:rates]
    yield from of_basis(running.programme)
    for rule in rules:
        sentence = rule_words.of_rule(rule, known, rates=worth, called=called)
        yield sentence if sentence.endswith(".") else f"{sentence}."  # some dates end with one
    if sum(rule.effect == rule.Effect.TIMES for rule in rules) > 1:
        yield _("Of several multipliers the best one counts for each product.")
    for action in ActionRule.objects.current().filter(programme=running.programme).order_by("pk"):
        if promise := of_action(action, worth):
            yield promise + "."
    yield from of_caps(running.programme, worth)
    yield from said[rates:]
    yield _("You take part by having an account, and can leave at any time.")


def _ahead(begins: datetime | None, at: datetime, superseded_at: datetime | None) -> bool:
    return begins is not None and begins > at and superseded_at is None


def of_basis(programme: Programme) -> Iterator[str]:
    """Yield what of an order earns, where it is other than everybody expects."""
    if programme.basis == Basis.NET:
        yield _("Tax earns no points.")
    if not programme.spent_counts:
        yield _("What you pay for with points earns no new ones.")


def of_action(rule: ActionRule, rates: Sequence[Rate] = ()) -> str:
    """Return what an action is worth, for shoppers; empty for one whose app is away. ``rates``: as for
    ``showing.gain``."""
    deed = deeds.deeds.get(rule.action)
    if deed is None:
        return ""
    said = str(deed.promise) % {"reward": showing.gain(rule.points, rates)}
    if rule.often == Often.DAY:
        said = _("%(promise)s, once a day") % {"promise": said}
    if rule.approval:
        said = _("%(promise)s, after we have looked at it") % {"promise": said}
    return said


def of_caps(programme: Programme, rates: Sequence[Rate] = ()) -> Iterator[str]:
    """Yield the limits, a sentence each. ``rates``: as for ``showing.gain``."""
    whole = programme.cap_orders
    for number, all_points, extra in (
        (
            programme.cap_day,
            _("You can earn up to %(most)s a day."),
            _("Beyond what your orders earn by the rate you can get up to %(most)s a day."),
        ),
        (
            programme.cap_month,
            _("You can earn up to %(most)s a month."),
            _("Beyond what your orders earn by the rate you can get up to %(most)s a month."),
        ),
        (
            programme.cap_total,
            _("You can earn up to %(most)s in all."),
            _("Beyond what your orders earn by the rate you can get up to %(most)s in all."),
        ),
    ):
        if number is not None:
            yield (all_points if whole else extra) % {"most": showing.gain(number, rates)}


def for_staff(programme: Programme, rates: Sequence[Rate]) -> Iterator[str]:
    """Yield what of it is other than the usual, and what it cannot do, for who edits it."""
    if programme.basis == Basis.NET:
        yield _("The goods earn without their tax.")
    if not programme.spent_counts:
        yield _("What points pay for earns nothing.")
    caps = [cap for cap in (programme.cap_day, programme.cap_month, programme.cap_total) if cap is not None]
    if caps:
        if programme.cap_orders:
            yield _("The limits hold for all that orders, rules and actions earn.")
        else:
            yield _("The limits hold for actions and for what rules add to the rate, never for the rate itself.")
        yield _("What a limit stops is written into the ledger as an entry of 0 points that says which limit it was.")
        yield _("A limit counts from the day on which it is set; what was earned before is not counted.")
    if 0 in caps:
        yield _("A limit of 0 lets nothing through.")
    if programme.shown_as == ShownAs.MONEY:
        without = [rate.currency for rate in rates if rate.superseded_at is None and rate.worth is None]
        if without:
            yield _("These currencies have no worth of a point and show points all the same: %(names)s.") % {
                "names": ", ".join(sorted(without))
            }
        yield _("Shoppers read what their points are worth, and not how many they are.")
