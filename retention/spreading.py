"""Dividing an amount of money by weight, so that the parts add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal


def spread(total: Decimal, weights: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """Divide ``total`` by weight into multiples of ``unit`` that add up to it; no share exceeds its weight.

    ``total`` is at most the sum of the weights. What rounding leaves goes to the last that have room.
    """
    whole = sum(weights, start=Decimal(0))
    if not whole or not total:
        return [Decimal(0) for _ in weights]
    shares = [(total * weight / whole).quantize(unit, ROUND_DOWN) for weight in weights]
    rest = total - sum(shares, start=Decimal(0))
    for index in reversed(range(len(shares))):
        more = min(rest, weights[index] - shares[index])
        shares[index] += more
        rest -= more
    return shares
