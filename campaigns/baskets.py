"""A basket as coupons see it: plain data in minor units, from the host's cart or from a headless checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from retention.money import to_minor
from retention.shop import CartData, ProductData, get_shop


@dataclass(frozen=True, kw_only=True)
class Line:
    product: str
    parent: str = ""
    """What the product is a variant of; an offer for that is for the variant, too."""
    quantity: int = 1
    price: int
    """Of the whole line, before discounts."""
    now: int | None = None
    """What it costs by the shop's own offers, before coupons of ours; None: the price."""
    categories: tuple[str, ...] | None = None
    """None: to be asked of the shop."""

    @property
    def due(self) -> int:
        return self.price if self.now is None else self.now

    @property
    def is_reduced(self) -> bool:
        return self.due < self.price


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What a coupon is checked against. Money in minor units."""

    reference: str = ""
    currency: str
    lines: tuple[Line, ...] = ()
    shipping: int = 0
    """What shipping costs before coupons of ours; 0 where that is not known yet."""
    email: str = ""
    user_id: int | None = None
    discounts: Mapping[str, int] | None = None
    """Code → what the host takes off for it now; None where we reckon it ourselves."""
    left: int | None = None
    """What the host says is left to pay for the goods after every discount; None where we reckon it."""
    codes: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, cart: CartData, *, email: str = "", user_id: int | None = None, priced: bool = True) -> Basket:
        """Return the basket of somebody who may have said more at the checkout than the cart knows.

        ``priced``: the host reckons discounts.
        """
        known = bool(cart.lines) and all(line.left is not None for line in cart.lines)
        return cls(
            reference=cart.reference,
            currency=cart.currency,
            lines=tuple(
                Line(
                    product=line.product,
                    parent=line.parent,
                    quantity=line.quantity,
                    price=to_minor(line.price, cart.currency),
                    now=None if priced or line.left is None else to_minor(line.left, cart.currency),
                )
                for line in cart.lines
            ),
            email=email or cart.email,
            user_id=user_id if user_id is not None else cart.user_id,
            discounts={use.code: to_minor(use.discount, cart.currency) for use in cart.discounts} if priced else None,
            left=sum(to_minor(line.left or line.price * 0, cart.currency) for line in cart.lines)
            if priced and known
            else None,
            codes=cart.coupons,
        )

    @cached_property
    def goods(self) -> Mapping[str, ProductData]:
        """What the shop's catalogue says of what is in it. Who wants to know first asks, and nobody asks again."""
        return get_shop().get_products([line.product for line in self.lines if line.product])

    @property
    def worth(self) -> int:
        """Of the goods, before discounts."""
        return sum(line.price for line in self.lines)

    @property
    def is_known(self) -> bool:
        """Whether anything is known of who shops."""
        return bool(self.email) or self.user_id is not None
