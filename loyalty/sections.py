"""Points on the shopper's own page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from campaigns.validity import last_day
from loyalty import earning_words, explain, queries, showing, terms
from loyalty.conf import conf
from loyalty.models import Account, Entry, Rate
from loyalty.models.programme import Expires
from loyalty.services import programmes
from retention import registry
from retention.models import Customer

ENDS = 24
"""Days on which points end that the page lists; two years of months."""


def points(request: HttpRequest, customer: Customer) -> Mapping[str, Any] | None:
    """Return what the section shows: balance, what opens when, the latest movements.

    None where there is no programme and this customer never had a point.
    """
    now = timezone.now()  # noqa: TID251  (a section is the edge: the page gives it no clock)
    account = queries.account_ending(customer, at=now)
    running = programmes.running()
    if account is None and running is None:
        return None
    entries = queries.entries(account, limit=conf.HISTORY_ROWS + 1) if account else []
    balance = account.balance if account else 0
    rates = queries.worth_rates()
    return {
        "template": "loyalty/account.html",
        "balance": max(balance, 0),
        "owed": max(-balance, 0),
        "owed_money": showing.balance(-balance, rates) if balance < 0 else "",
        "worth": [text for rate in rates if (text := terms.of_worth(rate, balance))],
        "money": showing.balance(max(balance, 0), rates),
        "account": account,
        "pending": account.pending if account else 0,
        "waiting": waiting(account, rates) if account else [],
        "held": showing.balance(account.held, rates) if account and account.held else "",
        "ending": showing.balance(account.ending, rates) if account and account.ending else "",  # type: ignore[attr-defined]
        "ends_on": last_day(account.ends_at) if account and account.ending else None,  # type: ignore[attr-defined]
        "ends": _ends(account, rates) if account and running and running.programme.expires != Expires.NEVER else [],
        "rows": rows(entries[: conf.HISTORY_ROWS], rates),
        "older": entries[conf.HISTORY_ROWS - 1].pk if len(entries) > conf.HISTORY_ROWS else None,
        "terms": list(earning_words.for_shoppers(running, at=now)) if running else [],
    }


def rows(entries: Sequence[Entry], rates: Sequence[Rate] = ()) -> list[dict[str, Any]]:
    """Return movements as a shopper reads them: when, what for, how many, the balance after.

    Both are money where points are shown as such. ``rates``: ``queries.worth_rates()``.
    """
    # what is worth something in several currencies has no one balance in money
    money = rates if len(rates) == 1 and showing.balance(1, rates) else ()
    numbers = queries.order_numbers(entry.order for entry in entries if entry.order)
    return [
        {
            "at": entry.at,
            "what": explain.cause(entry, numbers.get(entry.order, entry.order)),
            "points": showing.movement(entry.points, money),
            "balance": _balance(entry.balance_after, money),
            "money": bool(money),
        }
        for entry in entries
    ]


def _ends(account: Account, rates: Sequence[Rate]) -> list[dict[str, Any]]:
    """Return what ends when, by day."""
    days = list(queries.ends(account).items())[:ENDS]
    return [{"day": day, "amount": showing.gain(number, rates)} for day, number in days]


def _balance(points: int, money: Sequence[Rate]) -> int | str:
    if not money:
        return points
    return showing.movement(points, money) if points < 0 else showing.balance(points, money)


def waiting(account: Account, rates: Sequence[Rate] = ()) -> list[dict[str, Any]]:
    """Return pending points by order: how many, and when they open as far as it is known.

    ``money``: what they are worth, where points are shown as money. ``rates``: ``queries.worth_rates()``.
    """
    awards = list(queries.waiting(account))
    by_currency = {rate.currency: [rate] for rate in rates}
    numbers = queries.order_numbers(award.order for award in awards)
    return [
        {
            "points": award.pending,
            "money": showing.balance(award.pending, by_currency.get(award.currency, ())),
            "order": numbers.get(award.order, award.order),
            "opens_at": award.opens_at,
            "days": award.pending_days,
        }
        for award in awards
    ]


def load() -> None:
    """Register the section."""
    registry.account_pages.add("loyalty", points)
