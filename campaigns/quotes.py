"""What coupons take off a basket and which are not taken, as plain data in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.baskets import Basket
from campaigns.models import Coupon
from campaigns.pricing import Discount
from campaigns.reasons import Refusal


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A coupon that the basket may use, and what it takes off."""

    coupon: Coupon
    discount: Discount


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a basket costs with the coupons that are taken."""

    basket: Basket
    taken: tuple[Taken, ...] = ()
    """In the order in which they take their part."""
    refused: tuple[Refusal, ...] = ()
    until: datetime | None = None
    """When the basket must have become an order; None where nothing is reserved."""

    @property
    def lines(self) -> tuple[int, ...]:
        """What is left to pay for each line of the basket."""
        off = [taken.discount.lines for taken in self.taken]
        return tuple(line.due - sum(parts[index] for parts in off) for index, line in enumerate(self.basket.lines))

    @property
    def goods(self) -> int:
        return sum(self.lines)

    @property
    def shipping(self) -> int:
        return self.basket.shipping - sum(taken.discount.shipping for taken in self.taken)

    @property
    def total(self) -> int:
        return self.goods + self.shipping

    @property
    def discount(self) -> int:
        return sum(taken.discount.total for taken in self.taken)
