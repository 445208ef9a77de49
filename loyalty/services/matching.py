"""Which rules hold for which orders, asked for a whole batch at once.

Numbers of orders, tiers and conditions are those of the moment in which an order's points are first worked out; the
award keeps what came of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Q

from loyalty.models import EarningRule, PaidTerm, Tier, TierBenefit, TierMove
from loyalty.models.tier_benefit import BenefitKind
from retention import registry
from retention.models import Customer, Order

if TYPE_CHECKING:
    from loyalty.services.programmes import Running

When = EarningRule.When

NUMBERED = {When.FIRST, When.NTH, When.EVERY}

TIER, PAID = "tier", "paid"
"""In place of a rule's id: what a tier gives, and what a paid membership gives."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An order, or one that somebody is about to place."""

    reference: str
    customer: int | None
    """Our id of who places it; None where we do not know them."""
    address: str
    """Theirs, folded as in ``Customer.address``; empty where it is not known."""
    placed_at: datetime
    shipping_minor: int | None
    """None: not known yet, so nothing is promised for it."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What holds for one order."""

    rules: tuple[EarningRule, ...] = ()
    standing: tuple[tuple[str, Decimal], ...] = ()
    """``TIER`` or ``PAID``, and how many times the points it gives."""


def ask(orders: Sequence[Asked], running: Running, *, at: datetime) -> dict[str, Held]:
    """Return reference → what holds for it. The number of queries depends on the rules, not on the orders."""
    if not orders:
        return {}
    dated = {order.reference: [rule for rule in running.rules if rule.in_force(order.placed_at)] for order in orders}
    wanted = {rule for rules in dated.values() for rule in rules}
    numbers = _numbers(orders) if any(rule.when in NUMBERED for rule in wanted) else {}
    benefits = _benefits()
    ranks: dict[int, int] = {}
    named: dict[str, int] = {}
    stood: dict[str, int | None] = {}
    if benefits or any(rule.when == When.TIER for rule in wanted):
        ranks, named = _ladder()
        stood = _tiers(orders, ranks, named)
    asked = {rule.pk: _condition(rule, orders, at=at) for rule in wanted if rule.when == When.CONDITION}
    paid = _paid(orders)

    def holds(rule: EarningRule, order: Asked) -> bool:
        match rule.when:
            case When.FIRST:
                return numbers[order.reference] == 1
            case When.NTH:
                return numbers[order.reference] == rule.nth
            case When.EVERY:
                number = numbers[order.reference]
                return bool(number and rule.nth) and number % (rule.nth or 1) == 0
            case When.TIER:
                least = ranks.get(named.get(rule.tier.strip().casefold(), 0))
                stands = ranks.get(stood.get(order.reference) or 0)
                return least is not None and stands is not None and stands >= least
            case When.SHIPPED_FREE:
                return order.shipping_minor == 0
            case When.CONDITION:
                return order.reference in asked[rule.pk]
        return True

    def standing(order: Asked) -> list[tuple[str, Decimal]]:
        found = []
        if times := benefits.get(stood.get(order.reference) or 0):
            found.append((TIER, times))
        if times := paid.get(order.reference):
            found.append((PAID, times))
        return found

    return {
        order.reference: Held(
            rules=tuple(rule for rule in dated[order.reference] if holds(rule, order)), standing=tuple(standing(order))
        )
        for order in orders
    }


def _numbers(orders: Sequence[Asked]) -> dict[str, int]:
    """Return reference → its number among the orders of its person that count, by time of placing. Two queries.

    0 for somebody of whom nothing is known: it may be their first order, or not.
    """
    owners = {order.customer for order in orders if order.customer}
    addresses = {order.address for order in orders if order.address}
    person: dict[int, str] = {}
    for pk, address in Customer.objects.filter(Q(pk__in=owners) | Q(address__in=addresses)).values_list(
        "pk", "address"
    ):
        person[pk] = address or f"#{pk}"
    placed: dict[str, list[tuple[datetime, int, str]]] = defaultdict(list)
    rows = Order.objects.counted().filter(customer__in=person)
    for pk, customer, reference, when in rows.values_list("pk", "customer", "reference", "placed_at"):
        placed[person[customer]].append((when, pk, reference))
    numbers = {}
    for order in orders:
        mine = placed.get(person.get(order.customer or 0) or order.address, [])
        own = next((pk for _, pk, reference in mine if reference == order.reference), 2**63)
        before = [one for one in mine if one[2] != order.reference and one[:2] < (order.placed_at, own)]
        numbers[order.reference] = len(before) + 1 if order.customer or order.address else 0
    return numbers


def _ladder() -> tuple[dict[int, int], dict[str, int]]:
    """Return tier id → how high it stands, and name → tier id, of the table in force; names without letter case."""
    rows = list(Tier.objects.filter(table__active=True).values_list("pk", "name", "rank"))
    return {pk: rank for pk, _, rank in rows}, {name.strip().casefold(): pk for pk, name, _ in rows}


def _tiers(orders: Sequence[Asked], ranks: Mapping[int, int], named: Mapping[str, int]) -> dict[str, int | None]:
    """Return reference → the tier in which its customer stood when it was placed, before what it moved itself.

    A tier stays the same when it is renamed; one of another table is that of the same name in the table in force.
    """
    moves: dict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    rows = TierMove.objects.filter(customer__in={order.customer for order in orders if order.customer})
    for customer, at, tier, name in rows.order_by("at", "pk").values_list("customer", "at", "new_tier", "new_name"):
        moves[customer].append((at, tier if tier in ranks else named.get(name.strip().casefold())))
    found = {}
    for order in orders:
        before = [tier for at, tier in moves.get(order.customer or 0, ()) if at < order.placed_at]
        found[order.reference] = before[-1] if before else None
    return found


def _benefits() -> Mapping[int, Decimal]:
    """Return tier id → how many times the points it gives, of the table in force."""
    rows = TierBenefit.objects.filter(kind=BenefitKind.MULTIPLIER, active=True, tier__table__active=True)
    return {tier: times for tier, times in rows.values_list("tier", "multiplier") if times}


def _paid(orders: Sequence[Asked]) -> dict[str, Decimal]:
    """Return reference → how many times the points a paid membership gives that ran before it was placed."""
    terms: dict[int, list[tuple[datetime, datetime, Decimal]]] = defaultdict(list)
    rows = PaidTerm.objects.filter(
        customer__in={order.customer for order in orders if order.customer}, multiplier__gt=1
    )
    for customer, starts, ends, times in rows.values_list("customer", "starts_at", "ends_at", "multiplier"):
        if starts and ends:
            terms[customer].append((starts, ends, times))
    found = {}
    for order in orders:
        mine = [times for starts, ends, times in terms.get(order.customer or 0, ()) if starts < order.placed_at < ends]
        if mine:
            found[order.reference] = max(mine)
    return found


def _condition(rule: EarningRule, orders: Sequence[Asked], *, at: datetime) -> Collection[str]:
    """Return the references of those orders whose customer the rule's condition holds for."""
    condition = registry.conditions.get(rule.condition)
    if condition is None:  # its app is away: what cannot be asked holds for nobody
        return ()
    ids = {order.customer for order in orders if order.customer}
    matching = condition.matching(ids, rule.parameters, at) if ids else set()
    new = condition.newcomer(rule.parameters, at=at)
    return {
        order.reference
        for order in orders
        if (order.customer in matching if order.customer else new and bool(order.address))
    }
