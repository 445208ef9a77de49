"""What the debt policy lets go back of points that were spendable."""

from __future__ import annotations

from loyalty.models.programme import DebtPolicy


def takeable(policy: str, points: int, *, there: int) -> int:
    """Return how many of these points go back. ``policy``: a DebtPolicy; ``there``: the balance, below zero or not."""
    if policy == DebtPolicy.PENDING:
        return 0
    if policy == DebtPolicy.ZERO:
        return min(points, max(0, there))
    return points
