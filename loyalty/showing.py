"""Points as shoppers read them: as points, or as money where the merchant wants cashback."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import terms
from loyalty.models import Rate
from loyalty.models.programme import ShownAs
from loyalty.services.programmes import Running


def is_money(rate: Rate | None, running: Running | None) -> bool:
    """Whether points of this rate's currency are shown as money."""
    return bool(running and rate and rate.worth and running.programme.shown_as == ShownAs.MONEY)


def amount(points: int, rate: Rate | None, running: Running | None) -> str:
    """Return points of one currency: "24 points", or "€0.24" where they are shown as money."""
    if rate and is_money(rate, running):
        return terms.of_worth(rate, points) or terms.of_nothing(rate)
    return gain(points, ())


def balance(points: int, rates: Sequence[Rate]) -> str:
    """Return what somebody holds as money, in each currency that says what a point is worth.

    Empty where they are shown as points, or no rate says so. ``rates``: ``queries.worth_rates()``.
    """
    worth = [rate for rate in rates if rate.worth and rate.programme.shown_as == ShownAs.MONEY]
    if points <= 0:
        return terms.of_nothing(worth[0]) if worth else ""
    return _(" or ").join(text for rate in worth if (text := terms.of_worth(rate, points)))


def gain(points: int, rates: Sequence[Rate]) -> str:
    """Return what somebody gets or gives: "500 points", or "€5.00" where points are shown as money.

    ``rates``: as for ``balance``.
    """
    if points > 0 and (money := balance(points, rates)):
        return money
    words = {"points": number_format(points, force_grouping=True)}
    return ngettext("%(points)s point", "%(points)s points", points) % words


def movement(points: int, rates: Sequence[Rate]) -> str:
    """Return what came or went, with its sign: "+24", or "+€0.24" where points are shown as money."""
    shown = balance(abs(points), rates) if points else ""
    shown = shown or number_format(abs(points), force_grouping=True)
    return f"{'−' if points < 0 else '+'}{shown}" if points else shown


def promise(points: int, rate: Rate | None, running: Running | None, *, member: bool) -> str:
    """Return what goods earn, a sentence; empty where they earn nothing."""
    if points < 1:
        return ""
    shown = amount(points, rate, running)
    if is_money(rate, running):
        if member:
            return _("You get %(amount)s back for this") % {"amount": shown}
        return _("With an account you get %(amount)s back for this") % {"amount": shown}
    words = {"points": number_format(points, force_grouping=True)}
    if member:
        return ngettext("This earns %(points)s point", "This earns %(points)s points", points) % words
    return (
        ngettext("With an account this earns %(points)s point", "With an account this earns %(points)s points", points)
        % words
    )
