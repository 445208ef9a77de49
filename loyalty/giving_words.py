"""Giving in words: for shoppers what goes to whom, for staff what a pledge does and what is owed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

from loyalty.models import Cause, Pledge, Reward
from loyalty.services.causes import Owed
from loyalty.terms import plain
from retention import enumeration
from retention.money import show


def sums(amounts: Mapping[str, int]) -> str:
    """Return amounts of several currencies, e.g. "€12.00, £3.00"; they are never added up."""
    return enumeration.listed(show(minor, currency) for currency, minor in sorted(amounts.items()))


def mine(cause: str, amounts: Mapping[str, int]) -> str:
    """Return what somebody's orders have given."""
    return _("With your orders we gave %(amounts)s to %(cause)s.") % {"amounts": sums(amounts), "cause": cause}


def by_points(cause: str, amounts: Mapping[str, int]) -> str:
    """Return what somebody's points have given."""
    return _("With your points you gave %(amounts)s to %(cause)s.") % {"amounts": sums(amounts), "cause": cause}


def all_together(amounts: Mapping[str, int]) -> str:
    """Return what orders and points have given together."""
    return _("All together it is %(amounts)s.") % {"amounts": sums(amounts)}


def promise(cause: str, pledges: Sequence[Pledge]) -> str:
    """Return what an order gives, whatever the currency; the shop pays it."""
    said = enumeration.either([of_pledge(pledge) for pledge in pledges])
    return _("Each order gives %(sum)s to %(cause)s. We pay it, you pay nothing more.") % {"sum": said, "cause": cause}


def thanks(cause: str, minor: int, currency: str) -> str:
    """Return what the order that was just placed gives."""
    return _("With this order we give %(amount)s to %(cause)s.") % {"amount": show(minor, currency), "cause": cause}


def of_pledge(pledge: Pledge) -> str:
    """Return what an order in the pledge's currency gives, e.g. "€0.50"."""
    if pledge.amount_minor is not None:
        return show(pledge.amount_minor, pledge.currency)
    assert pledge.percent is not None
    return _("%(percent)s%% of its goods in %(currency)s") % {
        "percent": plain(pledge.percent),
        "currency": pledge.currency,
    }


# For staff


def does(cause: Cause, pledges: Sequence[Pledge], rewards: Sequence[Reward] = ()) -> Iterator[str]:
    """Yield what a cause gets, a sentence each. ``pledges``: those in force; ``rewards``: by which points go to it."""
    if not cause.active:
        yield _("It is off: orders placed now give nothing to it. What was given stays owed.")
    elif not pledges:
        yield _("No currency has a pledge: orders give nothing to it.")
    for pledge in pledges if cause.active else ():
        words = {"currency": pledge.currency, "cause": cause.name}
        if pledge.amount_minor is not None:
            yield _("Each paid order in %(currency)s gives %(amount)s.") % {
                **words,
                "amount": show(pledge.amount_minor, pledge.currency),
            }
        else:
            assert pledge.percent is not None
            yield _("Of goods for %(amount)s an order in %(currency)s gives %(given)s, less for what is paid back.") % {
                **words,
                "amount": show(10_000, pledge.currency),
                "given": show(int(10_000 * pledge.percent / 100), pledge.currency),
            }
    if rewards:
        names = enumeration.listed(f"“{reward.name}”" for reward in rewards)
        yield _("Points go to it by %(rewards)s: what they are worth is owed to it.") % {"rewards": names}
        if not cause.active:
            yield _("They still do while it is off: switch that reward off, too.")
    yield _("It is the shop's money. What an order gave is taken off when it is cancelled or paid back in full.")
    yield _("Orders in other currencies, and those from before, give nothing.")


def owed(one: Owed) -> str:
    """Return what is to be paid to a cause."""
    words = {
        "given": show(one.given_minor, one.currency),
        "paid": show(one.paid_minor, one.currency),
        "owed": show(abs(one.owed_minor), one.currency),
    }
    if one.owed_minor < 0:
        return _("%(given)s given, %(paid)s paid out: %(owed)s too much, for which the next orders make up") % words
    return _("%(given)s given, %(paid)s paid out: %(owed)s to pay") % words
