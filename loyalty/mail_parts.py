"""Points in a mail: how many somebody has, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from loyalty import queries, showing, terms
from loyalty.models import Account
from retention import registry
from retention.mail import Asked, Para, Part


def _build(asked: Sequence[Asked], at: datetime) -> Mapping[int, Mapping[str, Any]]:
    """Return points and their worth by key: two queries."""
    whose = {one.customer for one in asked}
    mine = Account.objects.filter(customer__in=whose, balance__gt=0, left_at=None)
    balances = dict(mine.values_list("customer", "balance"))
    rates = queries.worth_rates() if balances else []
    values = {}
    for one in asked:
        balance = balances.get(one.customer)
        with translation.override(one.language):
            worth = [text for rate in rates if balance and (text := terms.of_worth(rate, balance))]
            money = showing.balance(balance, rates) if balance else ""
        values[one.key] = {
            "points": None if money else balance,
            "points_worth": None if money else ", ".join(worth) or None,
            "points_money": money or None,
        }
    return values


POINTS = Part(
    name="loyalty.points",
    label=_("Points"),
    values={
        "points": _("how many points somebody can spend; empty for who has none"),
        "points_worth": _("what these points are worth; empty where no rate says so"),
        "points_money": _("what somebody can spend, where the programme shows points as money; else empty"),
    },
    body=[
        Para(when="points", words=_("You have {{ points }} points.")),
        Para(when="points_worth", words=_("They are worth {{ points_worth }}.")),
        Para(when="points_money", words=_("You have {{ points_money }} to spend.")),
    ],
    build=_build,
    samples={"points": 320, "points_worth": "€3.20", "points_money": ""},
)


def load() -> None:
    """Register the part."""
    registry.mail_parts.add(POINTS.name, POINTS)
