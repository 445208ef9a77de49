"""What the coupons in a cart of the shop in memory take off, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from retention.shop import CouponUse
from retention.spreading import spread
from retention.testing.goods import Coupon

CENT = Decimal("0.01")
TURNS = ("free_product", "percentage", "amount", "free_shipping")
"""Which of several with one priority takes its part first."""


@dataclass(kw_only=True)
class Pile:
    """Pieces of one product in a cart."""

    pieces: int
    """Of those that still cost something."""
    left: Decimal
    """To pay for them."""
    reduced: bool
    """By an offer of the shop's own."""


@dataclass(kw_only=True)
class Reckoning:
    """Change it by letting coupons take their part, in turn."""

    piles: dict[str, Pile]
    shipping: Decimal
    uses: list[CouponUse] = field(default_factory=list)
    alone: bool = False
    """Whether a coupon has taken its part that lets no other in."""

    @property
    def goods(self) -> Decimal:
        return sum((pile.left for pile in self.piles.values()), start=Decimal(0))

    def take(self, coupon: Coupon, meant: Mapping[str, bool]) -> str | None:
        """Let a coupon take its part of the products meant. Returns why it takes nothing, None when it does."""
        spec = coupon.spec
        if self.uses and (self.alone or spec.exclusive) and not spec.own_value:
            return "exclusive"
        if spec.kind == "free_shipping":
            discount, self.shipping = self.shipping, Decimal(0)
        else:
            discount = self._take(coupon, [pile for product, pile in self.piles.items() if meant[product]])
        if not discount:
            return "no_discount"
        self.uses.append(CouponUse(code=spec.code.upper(), discount=discount))
        self.alone = self.alone or spec.exclusive
        return None

    def _take(self, coupon: Coupon, piles: list[Pile]) -> Decimal:
        spec = coupon.spec
        piles = [pile for pile in piles if pile.left > 0 and (spec.sale_goods or not pile.reduced)]
        if spec.kind == "free_product":
            return self._take_piece(piles)
        whole = sum((pile.left for pile in piles), start=Decimal(0))
        total = spec.value if spec.kind == "amount" else (whole * spec.value / 100).quantize(CENT, ROUND_HALF_UP)
        shares = spread(min(total, whole), [pile.left for pile in piles], CENT)
        for pile, share in zip(piles, shares, strict=True):
            pile.left -= share
        return sum(shares, start=Decimal(0))

    def _take_piece(self, piles: list[Pile]) -> Decimal:
        if not piles:
            return Decimal(0)
        pile = min(piles, key=lambda pile: pile.left / pile.pieces)
        price = (pile.left / pile.pieces).quantize(CENT, ROUND_DOWN)
        pile.left -= price
        pile.pieces -= 1
        return price
