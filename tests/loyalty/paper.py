"""The ledger kept on paper: the plainest reading of its rules, one customer and one movement at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import floor

LIFE = timedelta(days=30)


@dataclass
class Heap:
    """Points that came together and end together."""

    end: datetime
    order: str
    left: int
    ended: int = 0


@dataclass
class Sale:
    """An order and what of its points stands."""

    customer: int
    minor: int
    rate: Decimal
    end: datetime
    refunded: int = 0
    cancelled: bool = False
    stands: int = 0
    forgiven: int = 0

    @property
    def worth(self) -> int:
        """Return the points that it has now: in proportion to what was not refunded, rounded for the customer."""
        earned = floor(self.minor * self.rate / 100)
        return 0 if self.cancelled else earned - floor(earned * self.refunded / Decimal(self.minor))

    @property
    def net(self) -> int:
        return 0 if self.cancelled else self.minor - self.refunded


@dataclass
class Page:
    """One customer's points."""

    balance: int = 0
    heaps: list[Heap] = field(default_factory=list)

    def add(self, points: int, *, end: datetime, order: str = "") -> None:
        had = max(self.balance, 0)
        self.balance += points
        if (more := max(self.balance, 0) - had) > 0:
            self.heaps.append(Heap(end, order, more))

    def take(self, points: int, *, order: str = "") -> list[tuple[Heap, int]]:
        """Take points, an order's own first; return what was taken from which heap."""
        gone = max(self.balance, 0) - max(self.balance - points, 0)
        self.balance -= points
        taken = []
        for heap in sorted(self.heaps, key=lambda heap: (not order or heap.order != order, heap.end)):
            part = min(gone, heap.left)
            heap.left -= part
            gone -= part
            if part:
                taken.append((heap, part))
        return taken

    def put_back(self, points: int, taken: list[tuple[Heap, int]]) -> None:
        had = max(self.balance, 0)
        self.balance += points
        more = max(self.balance, 0) - had - (points - sum(part for _, part in taken))
        more = max(more, 0)
        for heap, part in sorted(taken, key=lambda one: one[0].end, reverse=True):
            back = min(more, part)
            heap.left += back
            more -= back

    def expire(self, now: datetime) -> None:
        for heap in self.heaps:
            if heap.end <= now:
                self.balance -= heap.left
                heap.ended += heap.left
                heap.left = 0

    def settle(self, reference: str, sale: Sale) -> None:
        """Bring what stands of an order to what it is worth."""
        missing = sale.worth - (sale.stands - sale.forgiven)
        if missing > 0:
            kept = min(missing, sale.forgiven)
            sale.forgiven -= kept
            sale.stands += missing - kept
            if missing > kept:
                self.add(missing - kept, end=sale.end, order=reference)
        elif missing < 0:
            ended = sum(heap.ended for heap in self.heaps if heap.order == reference)
            back = min(-missing, max(0, sale.stands - ended - sale.worth))
            sale.stands -= back
            sale.forgiven += -missing - back
            self.take(back, order=reference)

    def seen(self) -> tuple[int, list[tuple[datetime, int, int]]]:
        """Return balance and heaps, as they are compared with the ledger."""
        return self.balance, sorted((heap.end, heap.left, heap.ended) for heap in self.heaps)
