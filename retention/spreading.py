"""Dividing an amount of money by weight, so that the parts add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import TypeVar

N = TypeVar("N", int, Decimal)

EXACT = 100
"""Digits: a weight may be a third of a price, and what is divided is its product with an amount."""


def spread(total: N, weights: Sequence[N], unit: N) -> list[N]:
    """Divide ``total`` by weight into multiples of ``unit`` that add up to it; no share exceeds its weight.

    ``total`` is at most the sum of the weights. What rounding leaves goes to the last that have room. In minor units
    the unit is 1.
    """
    with localcontext(prec=EXACT):
        nothing = total * 0
        whole = sum(weights, start=nothing)
        if not whole or not total:
            return [nothing for _ in weights]
        shares = [total * weight // (whole * unit) * unit for weight in weights]
        rest = total - sum(shares, start=nothing)
        for index in reversed(range(len(shares))):
            more = min(rest, weights[index] - shares[index])
            shares[index] += more
            rest -= more
        return shares
