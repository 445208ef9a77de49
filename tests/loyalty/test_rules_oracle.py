"""With rules too: whatever comes, however often and in whatever order, points follow from where the orders ended."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import floor
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.models import Entry, Programme
from loyalty.services import awards, promises, rules, verifying
from retention.shop import LineData, OrderData, RefundData
from retention.testing.shop import FakeShop
from tests.loyalty import oracle
from tests.loyalty.oracle import DIGITS, RATES
from tests.loyalty.till import START, account

TIMES, PIECE, EXTRA = 3, 2, 11
"""Tea earns three times the points, each cup two points more, and every order eleven."""


def points(order: OrderData, policy: str) -> int:
    """Return what an order is worth by the definition of its refund policy, line by line."""
    if order.paid_at is None or order.cancelled_at is not None:
        return 0
    goods, total = Fraction(order.items), Fraction(order.total)
    tea, cups = (Fraction(line.amount) for line in order.lines)
    paid = {"tea": goods * tea / (tea + cups), "cup": goods * cups / (tea + cups)}
    bring = {"tea": paid["tea"] * Fraction(RATES[order.currency]) * TIMES,
             "cup": paid["cup"] * Fraction(RATES[order.currency])}  # fmt: skip
    pieces = PIECE * order.lines[1].quantity
    returned = sum((Fraction(amount) for refund in order.refunds for _, amount in refund.lines), start=Fraction(0))
    gone = min(Fraction(1), returned / tea)
    refunded = sum((Fraction(refund.amount) for refund in order.refunds), start=Fraction(0))
    others = max(Fraction(0), refunded - gone * paid["tea"])
    if policy == "recompute":
        left = paid["tea"] * (1 - gone) + paid["cup"]
        kept = max(Fraction(0), 1 - others / left) if left else Fraction(not others)
        extra = EXTRA if kept and gone * paid["tea"] < total else 0
        return floor((bring["tea"] * (1 - gone) + bring["cup"]) * kept) + floor(pieces * kept) + extra
    earned = floor(bring["tea"] + bring["cup"])
    if policy == "amount":
        taken = 0
        for refund in order.refunds:
            of_tea = min(Fraction(1), sum((Fraction(amount) for _, amount in refund.lines), start=Fraction(0)) / tea)
            rest = max(Fraction(0), Fraction(refund.amount) - of_tea * paid["tea"])
            taken += floor(of_tea * bring["tea"] + rest * (bring["tea"] + bring["cup"]) / goods)
        flat = (pieces + EXTRA) - floor((pieces + EXTRA) * min(Fraction(1), refunded / total))
        return max(0, earned - taken) + flat
    if refunded >= total:
        return 0
    whole = earned + pieces + EXTRA
    back = bring["tea"] * gone + EXTRA * min(Fraction(1), gone * paid["tea"] / total)
    back += max(Fraction(0), whole - back) * others / (total - gone * paid["tea"])
    return max(0, whole - floor(back))


class World(oracle.World):
    """Each order is tea and cups; refunds may name the tea."""

    def __init__(self, shop: FakeShop, policy: str, currencies: list[str], random: Random) -> None:
        super().__init__(shop, policy, currencies, random)
        programme = Programme.objects.get()
        said: list[dict[str, Any]] = [
            {"goods": "only", "products": ["tea"], "times": Decimal(TIMES)},
            {"goods": "only", "categories": ["clay"], "effect": "piece", "points": PIECE},
            {"effect": "order", "points": EXTRA},
        ]
        for one in said:
            rules.set_rule(programme, at=START, name="A rule", **one)
        for reference in self.orders:
            order = shop.orders[reference]
            tea = (order.items / 4).quantize(Decimal(1))
            parts = (("tea", tea, 1, ()), ("cup", order.items - tea, 3, ("clay",)))
            lines = tuple(
                LineData(reference=name, product=name, amount=part, list_price=part, quantity=many, categories=kept_in)
                for name, part, many, kept_in in parts
            )
            shop._change(reference, lines=lines)
        self.read()

    def happen(self, which: int, what: str, number: int) -> None:
        if what != "return tea":
            return super().happen(which, what, number)
        order = self.shop.orders[self.orders[which]]
        part = Decimal(number).scaleb(-DIGITS[order.currency])
        made = RefundData(
            reference=f"r{len(order.refunds) + 1}", amount=part, at=self.clock.now, lines=(("tea", part),)
        )
        self.shop.orders[order.reference] = replace(order, refunds=(*order.refunds, made))
        return None


EVENTS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(
        ["pay", "pay", "cancel", "reinstate", "refund", "return tea", "return tea", "change", "hand over", "wait",
         "read", "read", "deliver", "open"]
    ),
    st.integers(1, 6000),
)  # fmt: skip


@pytest.mark.parametrize("policy", ["proportional", "recompute", "amount"])
@given(
    story=st.lists(EVENTS, min_size=3, max_size=30),
    currencies=st.lists(st.sampled_from(["EUR", "JPY"]), min_size=3, max_size=3),
    random=st.randoms(use_true_random=False),
)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_points_with_rules_follow_from_where_the_orders_ended(
    policy: str, story: list[Any], currencies: list[str], random: Random, shop: FakeShop
) -> None:
    with transaction.atomic():
        world = World(shop, policy, currencies, random)
        for which, what, number in story:
            world.happen(which, what, number)
        world.come_to_rest()
        orders = [shop.orders[reference] for reference in world.orders]
        for user in world.users:
            wanted = sum(points(order, policy) for order in orders if order.user_id == user.pk)
            assert account(user) == (wanted, 0)
        for order in orders:
            if order.paid_at:
                assert promises.for_order(order) == points(order, policy), "the page says what the ledger has"
        assert list(verifying.differences()) == []
        entries = Entry.objects.count()
        awards.settle(dict.fromkeys(reversed(world.orders), world.clock.now))
        assert Entry.objects.count() == entries, "nothing is left to post"
        transaction.set_rollback(True)
