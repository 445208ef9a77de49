"""Points of amounts: exact, rounded down once, taken back by policy."""

from decimal import Decimal

import pytest

from loyalty.services import earning
from loyalty.services.earning import State, Terms


def terms(points: str = "1", currency: str = "EUR", policy: str = "proportional") -> Terms:
    return Terms(currency=currency, points=Decimal(points), refund_policy=policy)


@pytest.mark.parametrize(
    ("minor", "points", "currency", "earned"),
    [
        (4000, "1", "EUR", 40),
        (4099, "1", "EUR", 40),
        (99, "1", "EUR", 0),
        (4050, "2", "EUR", 81),
        (333, "0.3", "EUR", 0),
        (1000, "0.3", "EUR", 3),
        (100, "0.01", "JPY", 1),
        (4000, "1", "JPY", 4000),
        (1999, "1", "KWD", 1),
        (-500, "1", "EUR", 0),
        (10**12, "99999999.9999", "EUR", 999999999999000000),
    ],
)
def test_an_amount_earns_exactly_and_rounds_down(minor: int, points: str, currency: str, earned: int) -> None:
    assert earning.worth(minor, terms(points, currency)) == earned


@pytest.mark.parametrize(
    ("policy", "refunds", "left"),
    [
        ("proportional", (), 39),
        ("proportional", (1000,), 31),  # floor(39 × 1000 / 4500) = 8 go back
        ("proportional", (4500,), 0),
        ("proportional", (9999,), 0),
        ("recompute", (1000,), 29),  # floor(29.90)
        ("recompute", (3990,), 0),
        ("recompute", (4500,), 0),
        ("amount", (1000,), 29),
        ("amount", (50, 50), 39),  # each refund by itself is worth no point
        ("amount", (150, 150), 37),
        ("amount", (4500,), 0),
    ],
)
def test_refunds_take_points_back_as_the_policy_says(policy: str, refunds: tuple[int, ...], left: int) -> None:
    state = State(basis_minor=3990, total_minor=4500, refunds_minor=refunds)
    assert earning.left(state, terms(policy=policy)) == left


@pytest.mark.parametrize("policy", ["proportional", "recompute", "amount"])
def test_what_does_not_earn_has_no_points_whatever_was_refunded(policy: str) -> None:
    state = State(basis_minor=4000, total_minor=4000, refunds_minor=(1000,), earns=False)
    assert earning.left(state, terms(policy=policy)) == 0


def test_an_order_that_cost_nothing_earns_nothing_and_divides_by_nothing() -> None:
    assert earning.left(State(basis_minor=0, total_minor=0), terms()) == 0
    assert earning.left(State(basis_minor=0, total_minor=0, refunds_minor=(100,)), terms()) == 0
