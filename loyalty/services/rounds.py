"""Which orders complete a round, and how far the next one is: pure arithmetic over orders that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """How orders placed within a time count."""

    id: int
    every: int
    minimums: Mapping[str, int]
    """Currency → worth of the goods from which an order counts, minor units; empty: every order does."""
    starts_at: datetime
    ends_at: datetime | None = None

    def takes(self, order: Placed) -> bool:
        """Whether an order is large enough; one in a currency without a minimum is not, where others have one."""
        if not self.minimums:
            return True
        least = self.minimums.get(order.currency)
        return least is not None and order.goods_minor >= least


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An order that counts: paid, neither cancelled nor paid back in full."""

    reference: str
    placed_at: datetime
    currency: str
    goods_minor: int
    """Goods after discounts, less what of them went back."""
    history: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One that is complete."""

    version: int
    order: str
    """The order that completed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Where somebody stands."""

    rounds: tuple[Round, ...] = ()
    towards: int = 0
    """Orders towards the next gift."""
    every: int | None = None
    """Orders that the next gift takes; None where nothing is promised any more."""
    version: int | None = None
    """What the next gift is by."""
    orders: int = 0
    """All that counted."""


def count(orders: Sequence[Placed], versions: Sequence[Counting], *, before: bool) -> Count:
    """Return the rounds that these orders complete; whatever order they come in.

    A round goes by the version in force when its first order was placed. An order that was placed while none was in
    force does not count. ``before``: orders of before count towards the first gift, and never make it whole.
    """
    if not versions:
        return Count()
    ladder = sorted(versions, key=lambda version: (version.starts_at, version.id))
    placed = sorted(orders, key=lambda order: (order.placed_at, order.reference))
    live = [order for order in placed if not order.history and order.placed_at >= ladder[0].starts_at]
    earlier = [order for order in placed if order.history or order.placed_at < ladder[0].starts_at] if before else []
    rounds: list[Round] = []
    current: Counting | None = None
    towards = counted = 0
    for order in live:
        in_force = _in_force(ladder, order.placed_at)
        version = current or in_force
        if in_force is None or version is None or not version.takes(order):
            continue
        if current is None:
            current = version
            towards = 0 if rounds else _credit(earlier, version)
        counted, towards = counted + 1, towards + 1
        if towards >= current.every:
            rounds.append(Round(version=current.id, order=order.reference))
            current, towards = None, 0
    if current is None:  # what the next order would begin
        current = next((version for version in ladder if version.ends_at is None), None)
        towards = _credit(earlier, current) if current and not rounds else 0
    return Count(
        rounds=tuple(rounds),
        towards=towards,
        every=current.every if current else None,
        version=current.id if current else None,
        orders=counted,
    )


def _in_force(ladder: Sequence[Counting], at: datetime) -> Counting | None:
    for version in ladder:
        if version.starts_at <= at and (version.ends_at is None or at < version.ends_at):
            return version
    return None


def _credit(earlier: Sequence[Placed], version: Counting) -> int:
    """Return how many orders of before count: at least one order from now on is needed."""
    return min(sum(version.takes(order) for order in earlier), version.every - 1)
