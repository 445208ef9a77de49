"""Conditions of who may use an offer, set-wise; people count with all orders of their address, guests' too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from retention import registry
from retention.models import Customer
from retention.registry import Condition


@dataclass(kw_only=True)
class _History:
    """Orders that count of everybody with one address."""

    orders: int = 0
    last_at: datetime | None = None

    def add(self, orders: int, last_at: datetime | None) -> None:
        self.orders += orders
        self.last_at = max(filter(None, (self.last_at, last_at)), default=None)


def _histories(ids: Collection[int]) -> dict[int, _History]:
    """Return customer id → what they and others with their address have ordered. Two queries."""
    people = dict(Customer.objects.filter(pk__in=ids).values_list("pk", "address"))
    addresses = set(people.values()) - {""}
    by_address: dict[str, _History] = defaultdict(_History)
    alone: dict[int, _History] = defaultdict(_History)
    rows = Customer.objects.filter(pk__in=people) | Customer.objects.filter(address__in=addresses)
    for pk, address, orders, last_at in rows.values_list("pk", "address", "orders_count", "last_order_at"):
        (by_address[address] if address in addresses else alone[pk]).add(orders, last_at)
    return {pk: by_address[address] if address else alone[pk] for pk, address in people.items()}


def _first_order(ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
    return {pk for pk, history in _histories(ids).items() if history.orders == 0}


def _whole(parameters: Mapping[str, Any], name: str) -> int:
    """Return a parameter as a whole number from 1 on. Raises ValueError."""
    given = parameters.get(name)
    if isinstance(given, bool) or not str(given).isdecimal() or int(str(given)) < 1:
        raise ValueError(_("“%(name)s” must be a whole number from 1 on.") % {"name": name})
    return int(str(given))


def _nth_order(ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
    n = _whole(parameters, "n")
    return {pk for pk, history in _histories(ids).items() if history.orders == n - 1}


def _not_ordered_for(ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
    since = at - timedelta(days=_whole(parameters, "days"))
    return {pk for pk, history in _histories(ids).items() if history.last_at is not None and history.last_at <= since}


FIRST_ORDER = Condition(
    name="campaigns.first_order",
    label=_("the next order is the first one"),
    matching=_first_order,
    reason=lambda parameters: _("There is an order already."),
)

NTH_ORDER = Condition(
    name="campaigns.nth_order",
    label=_("the next order is the n-th one"),
    matching=_nth_order,
    reason=lambda parameters: _("The next order is not number %(n)s.") % {"n": parameters.get("n", "?")},
    fields={"n": _("which order, counted from 1")},
)

NOT_ORDERED_FOR = Condition(
    name="campaigns.not_ordered_for",
    label=_("has ordered before, but not for some days"),
    matching=_not_ordered_for,
    reason=lambda parameters: (
        ngettext(
            "There is no order, or one in the last %(days)s day.",
            "There is no order, or one in the last %(days)s days.",
            int(parameters.get("days", 0)),
        )
        % {"days": parameters.get("days", "?")}
    ),
    fields={"days": _("days without an order")},
)


def load() -> None:
    """Register the conditions of this app."""
    for condition in (FIRST_ORDER, NTH_ORDER, NOT_ORDERED_FOR):
        registry.conditions.add(condition.name, condition)
