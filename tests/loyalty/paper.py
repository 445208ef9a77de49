"""The ledger kept on paper: the plainest reading of its rules, one customer and one movement at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from math import floor

LIFE = timedelta(days=30)


@dataclass
class Heap:
    """Points that came together and end together."""

    end: datetime
    order: str
    left: int
    ended: int = 0
    number: int = field(default_factory=count().__next__)


@dataclass
class Sale:
    """An order and what of its points stands."""

    customer: int
    minor: int
    rate: Decimal
    end: datetime
    tea: int = 0
    """What of it is tea, which earns ``times`` as much; and every order has ``extra`` points."""
    times: Decimal = Decimal(1)
    extra: int = 0
    refunded: int = 0
    tea_back: int = 0
    """What of the refunds is for the tea by name."""
    cancelled: bool = False
    stands: int = 0
    forgiven: int = 0

    @property
    def worth(self) -> int:
        """Return the points that it has now, rounded for the customer.

        The tea that came back takes its own points with it; other refunds take from the rest in proportion.
        """
        if self.cancelled or self.refunded >= self.minor:
            return 0
        of_tea = Fraction(self.tea) * Fraction(self.times) * Fraction(self.rate) / 100
        earned = floor(of_tea + Fraction(self.minor - self.tea) * Fraction(self.rate) / 100) + self.extra
        back = of_tea * self.tea_back / self.tea if self.tea else Fraction(0)
        back += Fraction(self.extra * self.tea_back, self.minor)
        back += max(earned - back, 0) * Fraction(self.refunded - self.tea_back, self.minor - self.tea_back)
        return earned - floor(back)

    @property
    def net(self) -> int:
        return 0 if self.cancelled else self.minor - self.refunded


@dataclass
class Wish:
    """A claimed reward, and what of its points stands as spent."""

    customer: int
    points: int
    sale: str = ""
    discount: int = 0
    state: str = "reserved"
    spent: int = 0
    missing: int = 0
    taken: list[tuple[Heap, int]] = field(default_factory=list)
    """In the order in which they end."""

    def target(self, sale: Sale) -> int:
        used = min(self.points, self.discount)
        return used - used * sale.refunded // sale.minor


@dataclass
class Page:
    """One customer's points."""

    balance: int = 0
    heaps: list[Heap] = field(default_factory=list)
    held: int = 0

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
        taken = [*taken[::-1]]  # of one end the last that came is first
        for heap, part in sorted(taken, key=lambda one: one[0].end, reverse=True):
            back = min(more, part)
            heap.left += back
            more -= back

    def expire(self, now: datetime) -> None:
        """End what is due; of what is set aside, those that end first, nothing."""
        due = sorted((heap for heap in self.heaps if heap.end <= now), key=lambda heap: heap.end)
        rest = sum(heap.left for heap in due) - self.held
        for heap in due:
            part = max(0, min(heap.left, rest))
            self.balance -= part
            heap.ended += part
            heap.left -= part
            rest -= part

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

    def claim(self, wish: Wish, sale: Sale) -> None:
        """Bring what a claim's order has spent to what it is worth now."""
        if sale.cancelled or sale.refunded >= sale.minor:
            if wish.state == "committed":
                self._approach(wish, 0, there=0)
                wish.state = "released"
            return
        there = self.balance - self.held
        if wish.state == "reserved":
            there = self.balance
            self.held -= wish.points
        wish.state = "committed"
        self._approach(wish, wish.target(sale), there=there)

    def _approach(self, wish: Wish, target: int, *, there: int) -> None:
        more = target - wish.spent - wish.missing
        if more > 0:
            number = min(more, max(0, there))
            wish.missing += more - number
            wish.spent += number
            wish.taken = _together([*wish.taken, *self.take(number)])
        elif more < 0:
            off = min(wish.missing, -more)
            wish.missing -= off
            wish.spent -= -more - off
            self._return(wish, -more - off)

    def _return(self, wish: Wish, points: int) -> None:
        """Give points back, what was taken last first."""
        back, kept, rest = [], [], points
        for heap, part in reversed(wish.taken):
            number = min(part, rest)
            rest -= number
            back.append((heap, number))
            kept.append((heap, part - number))
        wish.taken = _together(kept)
        self.put_back(points, [(heap, number) for heap, number in reversed(back) if number])

    def seen(self) -> tuple[int, list[tuple[datetime, int, int]]]:
        """Return balance and heaps, as they are compared with the ledger."""
        return self.balance, sorted((heap.end, heap.left, heap.ended) for heap in self.heaps)


def _together(taken: list[tuple[Heap, int]]) -> list[tuple[Heap, int]]:
    """Return what was taken, each heap once, those that end first first."""
    sums: dict[int, tuple[Heap, int]] = {}
    for heap, part in taken:
        sums[id(heap)] = (heap, sums.get(id(heap), (heap, 0))[1] + part)
    return sorted(((heap, part) for heap, part in sums.values() if part), key=lambda one: (one[0].end, one[0].number))
