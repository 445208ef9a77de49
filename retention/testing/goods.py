"""What the shop in memory keeps: carts, coupons, and how a coupon takes something off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from retention.hashing import customer_key
from retention.shop import CouponSpec, ProductData

CENT = Decimal("0.01")


@dataclass(kw_only=True)
class Cart:
    reference: str
    currency: str
    quantities: dict[str, int] = field(default_factory=dict)
    coupons: list[str] = field(default_factory=list)
    user_id: int | None = None
    changed_at: datetime
    ordered: bool = False


@dataclass(kw_only=True)
class Coupon:
    spec: CouponSpec
    disabled: bool = False
    used_by: list[str] = field(default_factory=list)
    """References of the orders that used it."""

    def refusal(self, *, at: datetime) -> str | None:
        """Return why nobody can use it now; None when somebody can."""
        if self.disabled or at > self.spec.ends_at:
            return "expired"
        if at < self.spec.starts_at:
            return "not_started"
        if self.spec.uses and len(self.used_by) >= self.spec.uses:
            return "used"
        return None

    def refuses(self, cart: Cart, products: dict[str, ProductData], *, email: str, user_id: int | None) -> str | None:
        """Return why this cart, of this shopper, cannot use it; None when it can."""
        if self.spec.currency and self.spec.currency != cart.currency:
            return "currency"
        mine = (user_id is not None and user_id == self.spec.user_id) or (
            bool(email and self.spec.email) and customer_key(email) == customer_key(self.spec.email)
        )
        owned = bool(self.spec.email) or self.spec.user_id is not None
        if owned and (email or user_id is not None) and not mine:
            return "owner"
        lines = self.lines(cart, products)
        if not lines:
            return "products"
        if self.spec.minimum is not None and sum(lines.values()) < self.spec.minimum:
            return "minimum"
        return None

    def lines(self, cart: Cart, products: dict[str, ProductData]) -> dict[str, Decimal]:
        """Return product → list price of the lines that it is for."""
        return {
            reference: (products[reference].price or Decimal(0)) * quantity
            for reference, quantity in cart.quantities.items()
            if not (self.spec.products or self.spec.categories)
            or reference in self.spec.products
            or set(products[reference].categories) & set(self.spec.categories)
        }

    def discount(self, left: dict[str, Decimal], cart: Cart) -> Decimal:
        """Return what it takes off, given what is left to pay for each of its lines."""
        whole = sum(left.values(), start=Decimal(0))
        if self.spec.kind == "percentage":
            return (whole * self.spec.value / 100).quantize(CENT, ROUND_HALF_UP)
        if self.spec.kind == "amount":
            return min(self.spec.value, whole)
        if self.spec.kind == "free_product":
            return min(left[reference] / cart.quantities[reference] for reference in left).quantize(CENT)
        return Decimal(0)
