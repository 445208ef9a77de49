"""In turn and several times: what one machine does to all of them alike says nothing about any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

ROUNDS = 5


def ratio(rounds: Sequence[Mapping[str, float]], ours: str, other: str) -> float:
    """Return the median of the rounds' own ratios."""
    return median(one[ours] / one[other] for one in rounds)
