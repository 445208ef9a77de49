"""Points as a means of payment: pure arithmetic between points and money, and what of a payment a refund gives back.

Amounts are minor units. What points pay rounds down, what an amount costs in points rounds up, so a point never pays
more than it is worth.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision

from loyalty.models import Rate
from retention.money import to_decimal


def worth(points: int, *, of_a_point: Decimal, currency: str) -> int:
    """Return what points pay, minor units, rounded down. ``of_a_point``: in units of the currency."""
    return int(points * Fraction(of_a_point) * 10 ** get_currency_precision(currency))


def needed(amount_minor: int, *, of_a_point: Decimal, currency: str) -> int:
    """Return the fewest points that pay an amount."""
    exact = Fraction(max(amount_minor, 0)) / (Fraction(of_a_point) * 10 ** get_currency_precision(currency))
    return -int(-exact // 1)


def used(discount_minor: int, *, points: int, worth_minor: int) -> int:
    """Return how many of the points that paid ``worth_minor`` at most an order has used."""
    return min(points, -(-max(discount_minor, 0) * points // worth_minor))


def given_back(spent: int, *, refunded_minor: int, total_minor: int) -> int:
    """Return how many of an order's spent points a refund gives back: its share of what was paid, rounded down."""
    if refunded_minor <= 0 or total_minor <= 0:
        return 0
    return spent * min(refunded_minor, total_minor) // total_minor


def goods_for(points: int, *, rate: Rate) -> int:
    """Return the amount of goods that earns so many points, minor units, rounded up."""
    exact = Fraction(points) / Fraction(rate.points) * 10 ** get_currency_precision(rate.currency)
    return -int(-exact // 1)


def of_a_point(amount_minor: int, points: int, currency: str) -> Decimal:
    """Return what a point is worth where so many of them buy an amount, in units of the currency."""
    return (to_decimal(amount_minor, currency) / points).quantize(Decimal("0.000001"))
