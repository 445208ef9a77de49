"""How many points an order is worth: pure arithmetic, the same for a promise and for the ledger.

Points round down, once for the order; so does what a refund takes back. Amounts are minor units. Without rules an
order is one part that earns by the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import floor

from babel.numbers import get_currency_precision

from loyalty.models.programme import RefundPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What was promised for one order."""

    currency: str
    points: Decimal
    """Per unit of the currency."""
    refund_policy: str = RefundPolicy.PROPORTIONAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Goods of an order that earn alike: a line, or all of it."""

    line: str = ""
    """The line's reference, by which a refund may name it."""
    paid: int
    """What refunds of it are measured by. Only its share among the parts counts: together they are what was paid."""
    basis: int
    """Its share of the order's basis."""
    times: Decimal = Decimal(1)
    flat: int = 0
    """Extra points of its pieces."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extra:
    """Extra points of the whole order, or of some of its lines together."""

    points: int
    lines: tuple[str, ...] = ()
    """Empty: the whole order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What of an order decides its points, as the shop says now."""

    basis_minor: int
    """What earns: goods after discounts, by the programme's basis; shipping never."""
    total_minor: int
    """What the customer owed."""
    goods_minor: int | None = None
    """What was paid for the goods, where that is not the basis."""
    refunds_minor: tuple[int, ...] = ()
    refunds_named: tuple[Mapping[str, int], ...] = ()
    """For each refund what it gives back of which line; empty for one that names none."""
    earns: bool = True
    """Paid and not cancelled."""
    parts: tuple[Part, ...] = ()
    extras: tuple[Extra, ...] = ()

    @property
    def refunded_minor(self) -> int:
        return sum(self.refunds_minor)


def worth(amount_minor: int, terms: Terms) -> int:
    """Return the points of an amount by the rate alone, rounded down; 0 for a negative one."""
    return floor(max(amount_minor, 0) * per_minor(terms))


def earned(state: State, terms: Terms) -> int:
    """Return what an order earns with its rules, before refunds."""
    return _Order(state, terms).earned


def left(state: State, terms: Terms) -> int:
    """Return the points that an order in this state has: what was earned, less what its refunds take back."""
    if not state.earns:
        return 0
    order = _Order(state, terms)
    if terms.refund_policy == RefundPolicy.RECOMPUTE:
        return order.anew()
    if terms.refund_policy == RefundPolicy.AMOUNT:
        return order.by_amount()
    return order.in_proportion()


def plain(state: State) -> State:
    """Return the same order without its rules: what the rate alone gives."""
    return State(
        basis_minor=state.basis_minor,
        total_minor=state.total_minor,
        goods_minor=state.goods_minor,
        refunds_minor=state.refunds_minor,
        refunds_named=state.refunds_named,
        earns=state.earns,
        parts=tuple(Part(line=part.line, paid=part.paid, basis=part.basis) for part in state.parts),
    )


def per_minor(terms: Terms) -> Fraction:
    """Return points per minor unit, exactly."""
    minor: int = 10 ** get_currency_precision(terms.currency)
    return Fraction(terms.points) / minor


@dataclass
class _Share:
    """One part, exactly."""

    part: Part
    paid: Fraction
    basis: Fraction
    points: Fraction
    back: Fraction = field(default=Fraction(0))
    """How much of it was given back by name, 0 to 1."""


class _Order:
    """One order's arithmetic, in fractions until the end."""

    def __init__(self, state: State, terms: Terms) -> None:
        self.state = state
        self.per_minor = per_minor(terms)
        self.basis = max(state.basis_minor, 0)
        self.goods = Fraction(self.basis if state.goods_minor is None else max(state.goods_minor, 0))
        self.shares = self._shares()
        self.of_line = {share.part.line: share for share in self.shares if share.part.line}
        for named in state.refunds_named:
            for line, minor in named.items():
                if (share := self.of_line.get(line)) and share.part.paid > 0:
                    share.back = min(Fraction(1), share.back + Fraction(minor, share.part.paid))

    def _shares(self) -> list[_Share]:
        """Return the parts; lines that do not add up to the order's goods have each their share of them."""
        paid = sum(part.paid for part in self.state.parts)
        basis = sum(part.basis for part in self.state.parts)
        parts = self.state.parts if basis > 0 and min(part.basis for part in self.state.parts) >= 0 else ()
        if not parts:
            whole = Part(paid=int(self.goods), basis=self.basis)
            return [_Share(whole, self.goods, Fraction(self.basis), self.basis * self.per_minor)]
        found = []
        for part in parts:
            share = Fraction(part.basis * self.basis, basis)
            mine = part.paid * self.goods / paid if paid else Fraction(0)
            found.append(_Share(part, mine, share, share * self.per_minor * Fraction(part.times)))
        return found

    # Sums

    @cached_property
    def by_rate(self) -> int:
        """Points of the goods, multiplied, rounded down."""
        return floor(sum((share.points for share in self.shares), start=Fraction(0)))

    @property
    def flat(self) -> int:
        return sum(share.part.flat for share in self.shares) + sum(extra.points for extra in self.state.extras)

    @property
    def earned(self) -> int:
        return self.by_rate + self.flat

    @cached_property
    def named(self) -> Fraction:
        """Money given back by line, never more than the line cost."""
        return sum((share.paid * share.back for share in self.shares), start=Fraction(0))

    def _back(self, extra: Extra) -> Fraction:
        """Return how much of what an extra is about was given back by line."""
        if not extra.lines:
            total = self.state.total_minor
            return min(Fraction(1), self.named / total) if total > 0 else Fraction(0)
        about = [self.of_line[line] for line in extra.lines if line in self.of_line]
        paid = sum((share.paid for share in about), start=Fraction(0))
        return sum((share.paid * share.back for share in about), start=Fraction(0)) / paid if paid else Fraction(0)

    # Policies

    def in_proportion(self) -> int:
        """What a refund names goes back with its line; the rest by its share of the money."""
        refunded, total = self.state.refunded_minor, self.state.total_minor
        if refunded >= total > 0:
            return 0
        if refunded <= 0 or total <= 0:
            return self.earned
        back = sum(((share.points + share.part.flat) * share.back for share in self.shares), start=Fraction(0))
        back += sum((extra.points * self._back(extra) for extra in self.state.extras), start=Fraction(0))
        unnamed, room = max(Fraction(0), refunded - self.named), total - self.named
        if unnamed and room > 0:
            back += max(Fraction(0), self.earned - back) * min(Fraction(1), unnamed / room)
        return max(0, self.earned - floor(back))

    def anew(self) -> int:
        """Points of what is left of the goods; extra points of an order stay while anything of it is left."""
        paid = sum((share.paid * (1 - share.back) for share in self.shares), start=Fraction(0))
        unnamed = max(Fraction(0), self.state.refunded_minor - self.named)
        kept = max(Fraction(0), 1 - unnamed / paid) if paid else Fraction(int(not unnamed))
        points = sum((share.points * (1 - share.back) for share in self.shares), start=Fraction(0))
        flat = sum((share.part.flat * (1 - share.back) for share in self.shares), start=Fraction(0))
        extras = sum(extra.points for extra in self.state.extras if kept and self._back(extra) < 1)
        return floor(points * kept) + floor(flat * kept) + extras

    def by_amount(self) -> int:
        """Each refund takes what its amount would earn, rounded down; extra points go by the share of the money."""
        paid = sum((share.paid for share in self.shares), start=Fraction(0))
        points = sum((share.points for share in self.shares), start=Fraction(0))
        average = points / paid if paid else self.per_minor
        gone = 0
        for number, minor in enumerate(self.state.refunds_minor):
            named = self.state.refunds_named[number] if number < len(self.state.refunds_named) else {}
            back, rest = Fraction(0), Fraction(minor)
            for line, amount in named.items():
                share = self.of_line.get(line)
                if share and share.part.paid > 0:
                    part = min(Fraction(1), Fraction(amount, share.part.paid))
                    back += share.points * part
                    rest -= share.paid * part
            gone += floor(back + max(Fraction(0), rest) * average)
        refunded, total = self.state.refunded_minor, self.state.total_minor
        part = min(Fraction(1), Fraction(max(refunded, 0), total)) if total > 0 else Fraction(0)
        return max(0, self.by_rate - gone) + self.flat - floor(self.flat * part)
