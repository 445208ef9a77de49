"""The page “Points: what they owe” as tables: a name, a number, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import queries, terms
from loyalty.services.liability import LEAST, Liability
from loyalty.services.reach import Buyers, Reach
from loyalty.services.taking_part import Part
from retention import counts
from retention.money import show


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure."""

    name: str
    value: str
    meaning: str = ""


def owed(found: Liability) -> Iterator[Row]:
    """Yield what is owed, and what it is worth."""
    yield _row(
        _("To spend"),
        found.outstanding,
        ngettext("Of %(n)s customer.", "Of %(n)s customers.", found.holders) % {"n": counts.show(found.holders)},
    )
    yield _row(_("Of these set aside"), found.held, _("For rewards that were claimed and no order has used yet."))
    yield _row(_("Pending points"), found.pending, _("Earned; they open when the return window closes."))
    yield _row(
        _("Debts of customers"), found.owed, _("Below zero after a refund; not taken off what others can spend.")
    )
    yield _expected(found)
    running = queries.worth_rates()
    for rate in running or queries.last_worth_rates():
        meaning = _("Were all of them spent in this currency. Currencies are not added up.")
        if not running:
            meaning += " " + _("No programme is running: by the rate of the last one.")
        yield Row(
            name=_("Worth in %(currency)s") % {"currency": rate.currency},
            value=terms.of_worth(rate, found.outstanding) or show(0, rate.currency),
            meaning=meaning,
        )
        expected = found.expected_breakage
        if expected is not None:
            yield Row(
                name=_("Worth in %(currency)s less breakage") % {"currency": rate.currency},
                value=terms.of_worth(rate, found.outstanding - expected) or show(0, rate.currency),
                meaning=_("The same without the points that are expected to end unused."),
            )


def _expected(found: Liability) -> Row:
    past = found.breakage
    if not found.ends:
        words = (
            _("Points never end: all of them are owed.")
            if found.runs
            else _("No programme is running: no points end, and all of them are owed.")
        )
        return Row(name=_("Expected breakage"), value="–", meaning=words)
    if found.expected_breakage is None:
        words = ngettext(
            "Too early to tell: points of %(n)s customer came to their end within a year, and it takes %(least)s.",
            "Too early to tell: points of %(n)s customers came to their end within a year, and it takes %(least)s.",
            past.customers,
        ) % {"n": counts.show(past.customers), "least": LEAST}
        return Row(name=_("Expected breakage"), value="–", meaning=words)
    return _row(
        _("Expected breakage"),
        found.expected_breakage,
        _(
            "Points that will end unused, if they go the way of those whose end came within the last 365 days: of "
            "%(all)s points of %(customers)s customers %(ended)s ended unused (%(percent)s%%)."
        )
        % {
            "all": counts.show(past.ended + past.spent),
            "customers": counts.show(past.customers),
            "ended": counts.show(past.ended),
            "percent": number_format(100 * past.ended / (past.ended + past.spent), decimal_pos=1),
        },
    )


def months(found: Liability) -> list[tuple[str, str, str]]:
    """Return month, points and customers of what ends; what never ends comes last."""
    rows = [
        (date_format(month.first, "YEAR_MONTH_FORMAT"), counts.show(month.points), counts.show(month.customers))
        for month in found.months
    ]
    return [*rows, (_("without an end"), counts.show(found.endless), "")]


def part(found: Part) -> Iterator[Row]:
    """Yield who takes part, each with its definition."""
    yield _row(_("Members with points"), found.members, _("Customers who have ever had a point."))
    yield Row(
        name=_("Active-member rate"),
        value=_percent(found.active_percent),
        meaning=_("%(n)s of them earned by an order or spent within the last 365 days.")
        % {"n": counts.show(found.active)},
    )
    yield Row(
        name=_("Reward-redemption rate"),
        value=_percent(found.used_percent),
        meaning=_(
            "Points spent within the last 365 days (%(used)s) over points earned and given in them, less what was "
            "taken back (%(given)s)."
        )
        % {"used": counts.show(found.used), "given": counts.show(found.given)},
    )
    yield Row(
        name=_("Members who redeem"),
        value=_percent(found.redeemers_percent),
        meaning=_("%(n)s members spent points within the last 365 days.") % {"n": counts.show(found.redeemers)},
    )


def reach(buyers: Buyers, found: Sequence[Reach]) -> Iterator[Row]:
    """Yield what the cheapest rewards take of the customer in the middle."""
    for one in found:
        yield Row(
            name=_("%(reward)s, for %(points)s points")
            % {"reward": one.reward.name, "points": counts.show(one.reward.cost)},
            value=ngettext("%(n)s order", "%(n)s orders", one.orders) % {"n": counts.show(one.orders)}
            if one.orders is not None
            else "–",
            meaning=" ".join(_taken(one, buyers)),
        )


def _taken(one: Reach, buyers: Buyers) -> Iterator[str]:
    if one.spend:
        yield _("Takes goods for %(amounts)s.") % {
            "amounts": _(" or ").join(show(minor, currency) for currency, minor in one.spend)
        }
    if one.orders is None:
        yield ngettext(
            "Too early to tell how many orders: %(n)s customer has earned within a year, and it takes %(least)s.",
            "Too early to tell how many orders: %(n)s customers have earned within a year, and it takes %(least)s.",
            buyers.customers,
        ) % {"n": counts.show(buyers.customers), "least": LEAST}
    else:
        yield ngettext(
            "The customer in the middle ordered %(n)s time within 365 days.",
            "The customer in the middle ordered %(n)s times within 365 days.",
            buyers.orders,
        ) % {"n": counts.show(buyers.orders)}
    yield _("%(n)s of %(all)s customers earned as much in that time.") % {
        "n": counts.show(one.reached), "all": counts.show(buyers.customers),
    }  # fmt: skip


def _row(name: str, points: int, meaning: str) -> Row:
    return Row(name=name, value=counts.show(points), meaning=meaning)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{number_format(value, decimal_pos=1)}%"
