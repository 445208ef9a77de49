"""What the programme and the tiers promise, in words made from the live rows: no fine print can differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import Programme, Rate
from loyalty.models.programme import DebtPolicy, Expires, PendingFrom, RefundPolicy, ShownAs
from retention.money import show, to_minor


def plain(number: Decimal) -> str:
    """Return a number without needless zeros, as a reader of the active language writes it."""
    return number_format(Decimal(f"{number.normalize():f}"))


def of_rate(rate: Rate) -> str:
    """Return what a rate promises, e.g. "1 point for each €1.00"."""
    if rate.points < 1:
        units = (1 / rate.points).quantize(Decimal("0.01"))
        if units * rate.points == 1:
            return _("1 point for each %(amount)s") % {"amount": _money(units, rate.currency)}
    whole = int(rate.points) if rate.points == int(rate.points) else 2  # a fraction takes the plural
    return ngettext("%(points)s point for each %(amount)s", "%(points)s points for each %(amount)s", whole) % {
        "points": plain(rate.points),
        "amount": _money(Decimal(1), rate.currency),
    }


def of_worth(rate: Rate, points: int) -> str:
    """Return what points are worth in money, rounded down; empty where they are not shown as money."""
    if rate.worth is None or points <= 0:
        return ""
    # half up in to_minor would promise a cent too much
    minor = int(rate.worth * points * to_minor(Decimal(1), rate.currency))
    return show(minor, rate.currency)


def of_nothing(rate: Rate) -> str:
    """Return what no points are worth, as money."""
    return show(0, rate.currency)


def for_shoppers(programme: Programme, rates: Sequence[Rate]) -> Iterator[str]:
    """Yield what a shopper should know, a sentence each."""
    for rate in rates:
        if rate.superseded_at is None:
            yield _back(rate) if programme.shown_as == ShownAs.MONEY and rate.worth else _earns(rate)
    yield _window(programme)
    if programme.expires != Expires.NEVER:
        yield _end(programme)
    if programme.debt_policy != DebtPolicy.PENDING:
        yield _("What you return or cancel takes its points back.")
    elif programme.pending_days:
        yield _("What you return or cancel before its points can be used takes them back.")


def _earns(rate: Rate) -> str:
    return _("You earn %(rate)s on goods, after discounts and without shipping.") % {"rate": of_rate(rate)}


def _back(rate: Rate) -> str:
    """Return what a rate gives back, in money: a point for each unit that is worth a hundredth of it is 1 %."""
    percent = plain((rate.points * (rate.worth or 0) * 100).quantize(Decimal("0.01")))
    text = _("You get %(percent)s%% back on goods in %(currency)s, after discounts and without shipping.")
    return text % {"percent": percent, "currency": rate.currency}


def for_staff(programme: Programme, rates: Sequence[Rate]) -> Iterator[str]:
    """Yield what a programme does, a sentence each, for who edits it."""
    current = [rate for rate in rates if rate.superseded_at is None]
    if not current:
        yield _("No currency has a rate: nothing earns.")
    for rate in current:
        yield _("An order of goods for %(amount)s earns %(points)s points.") % {
            "amount": _money(Decimal(100), rate.currency),
            "points": plain(Decimal(int(rate.points * 100))),
        }
    yield _window(programme)
    if programme.refund_policy == RefundPolicy.RECOMPUTE:
        yield _("A refund leaves the points of what is left of the goods' amount, rounded down.")
    elif programme.refund_policy == RefundPolicy.AMOUNT:
        yield _("Each refund takes back the points of its amount, rounded down, never more than the order has.")
    else:
        yield _("A refund of half the order takes half of its points back, rounded down.")
    if programme.debt_policy == DebtPolicy.ZERO:
        yield _("Where the points were spent already, the balance goes down to zero and the rest is forgiven.")
    elif programme.debt_policy == DebtPolicy.PENDING:
        yield _("Points that have opened stay, whatever is refunded later.")
    else:
        yield _("Where the points were spent already, the balance goes below zero and later points fill the hole.")
    yield _end(programme)
    if programme.expires != Expires.NEVER and programme.expiry_since is None:
        yield _("Points that stand already get one whole period from the day it is switched on.")
    if programme.award_history:
        yield _("Orders from before going live earn as well.")
    if programme.award_history and programme.history_spends:
        yield _("Just before each of them %(points)s points are spent, where the balance has them.") % {
            "points": programme.history_spends
        }


def _window(programme: Programme) -> str:
    days = programme.pending_days
    if not days:
        return _("Points can be used at once.")
    words = {"days": days}
    if programme.pending_from == PendingFrom.FULFILLED:
        return (
            ngettext(
                "Points can be used %(days)s day after the order was sent.",
                "Points can be used %(days)s days after the order was sent.",
                days,
            )
            % words
        )
    return (
        ngettext(
            "Points can be used %(days)s day after the order was paid.",
            "Points can be used %(days)s days after the order was paid.",
            days,
        )
        % words
    )


def _end(programme: Programme) -> str:
    after = programme.expires_after or 0
    words = {"n": after}
    match programme.expires:
        case Expires.DAYS:
            text = ngettext(
                "Points end %(n)s day after they can be used.", "Points end %(n)s days after they can be used.", after
            )
        case Expires.INACTIVE:
            text = ngettext(
                "All points end after %(n)s day without earning or using any.",
                "All points end after %(n)s days without earning or using any.",
                after,
            )
        case Expires.MONTH:
            text = ngettext(
                "Points end with the month, %(n)s month after they can be used.",
                "Points end with the month, %(n)s months after they can be used.",
                after,
            )
        case Expires.QUARTER:
            text = ngettext(
                "Points end with the quarter, %(n)s month after they can be used.",
                "Points end with the quarter, %(n)s months after they can be used.",
                after,
            )
        case Expires.YEAR:
            text = ngettext(
                "Points end with the year, %(n)s month after they can be used.",
                "Points end with the year, %(n)s months after they can be used.",
                after,
            )
        case _:
            return _("Points never end.")
    return text % words


def _money(amount: Decimal, currency: str) -> str:
    return show(to_minor(amount, currency), currency)
