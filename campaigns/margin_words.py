"""The margin guard in words, with an example on goods of 100.00."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from campaigns.models import MarginGuard
from campaigns.terms import Kind, Terms

LIST, COST = Decimal(100), Decimal(50)
"""Prices of the example."""


def sentences(rule: MarginGuard | None) -> Iterator[str]:
    """Yield what the guard does."""
    share, over = (rule.share_of_list, rule.over_cost) if rule else (None, None)
    if share is None and over is None:
        yield _("The margin guard is off: coupons may bring an order down as far as they like.")
        return
    if share is not None:
        yield _(
            "All discounts together leave at least %(share)s%% of the list price to pay for the goods: %(least)s of "
            "%(list)s."
        ) % {"share": _plain(share), "least": _money(LIST * share / 100), "list": _money(LIST)}
    if over is not None:
        yield _over(over) % {
            "over": _plain(abs(over)),
            "least": _money(COST * (100 + over) / 100),
            "cost": _money(COST),
        }
    if share is not None and over is not None:
        least = max(LIST * share, COST * (100 + over)) / 100
        yield _(
            "The higher of the two counts, line by line: for goods of %(list)s that cost the shop %(cost)s it is "
            "%(least)s."
        ) % {"list": _money(LIST), "cost": _money(COST), "least": _money(least)}
    yield _(
        "A coupon that would bring the goods of an order below that is refused; of several, the last in turn. "
        "Shipping does not count."
    )


def _over(over: Decimal) -> str:
    if not over:
        return _(
            "Of goods whose cost is known, at least the cost is left to pay: %(least)s for goods that cost the shop "
            "%(cost)s."
        )
    if over > 0:
        return _(
            "Of goods whose cost is known, at least the cost and %(over)s%% of it are left to pay: %(least)s for goods "
            "that cost the shop %(cost)s."
        )
    return _(
        "Of goods whose cost is known, at least the cost less %(over)s%% of it is left to pay: %(least)s for goods "
        "that cost the shop %(cost)s."
    )


def alone_too_low(terms: Terms, rule: MarginGuard | None) -> bool:
    """Whether a coupon of these terms takes too much of every order, by the share of the list price."""
    return bool(
        rule
        and rule.share_of_list is not None
        and terms.kind == Kind.PERCENTAGE
        and terms.percent is not None
        and not terms.goods
        and 100 - terms.percent < rule.share_of_list
    )


def _plain(percent: Decimal) -> str:
    return f"{percent.normalize():f}"


def _money(amount: Decimal) -> str:
    return number_format(amount, decimal_pos=2)
