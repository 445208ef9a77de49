"""How many points an amount is worth: pure arithmetic, the same for a promise and for the ledger.

Points round down, once for the order; so does what a refund takes back. Amounts are minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

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
class State:
    """What of an order decides its points, as the shop says now."""

    basis_minor: int
    """Items after discounts, tax included, shipping excluded."""
    total_minor: int
    """What the customer owed."""
    refunds_minor: tuple[int, ...] = ()
    earns: bool = True
    """Paid and not cancelled."""

    @property
    def refunded_minor(self) -> int:
        return sum(self.refunds_minor)


def worth(amount_minor: int, terms: Terms) -> int:
    """Return the points of an amount, rounded down; 0 for a negative one."""
    units = Fraction(max(amount_minor, 0), 10 ** get_currency_precision(terms.currency))
    return int(units * Fraction(terms.points))


def left(state: State, terms: Terms) -> int:
    """Return the points that an order in this state has: what was earned, less what its refunds take back."""
    if not state.earns:
        return 0
    earned = worth(state.basis_minor, terms)
    if terms.refund_policy == RefundPolicy.RECOMPUTE:
        return worth(state.basis_minor - state.refunded_minor, terms)
    if terms.refund_policy == RefundPolicy.AMOUNT:
        return max(0, earned - sum(worth(refund, terms) for refund in state.refunds_minor))
    if state.refunded_minor >= state.total_minor > 0:
        return 0
    if state.refunded_minor <= 0 or state.total_minor <= 0:
        return earned
    return earned - earned * state.refunded_minor // state.total_minor
