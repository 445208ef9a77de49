"""What the shop in memory keeps: carts and coupons, and for whom and what a coupon is good."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from retention.hashing import customer_key
from retention.shop import CouponSpec, ProductData


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
        """Return why this cart, of this shopper, cannot use it, whatever else is in it; None when it can."""
        if self.spec.currency and self.spec.currency != cart.currency:
            return "currency"
        mine = (user_id is not None and user_id == self.spec.user_id) or (
            bool(email and self.spec.email) and customer_key(email) == customer_key(self.spec.email)
        )
        owned = bool(self.spec.email) or self.spec.user_id is not None
        if owned and (email or user_id is not None) and not mine:
            return "owner"
        meant = [reference for reference in cart.quantities if self.means(products[reference])]
        if not meant:
            return "products"
        counted = cart.quantities if self.spec.kind == "free_product" else meant
        worth = sum((products[one].price or Decimal(0)) * cart.quantities[one] for one in counted)
        return "minimum" if self.spec.minimum is not None and worth < self.spec.minimum else None

    def means(self, product: ProductData) -> bool:
        """Whether it is for this product."""
        spec, kept_in = self.spec, set(product.categories)
        if product.reference in spec.excluded_products or kept_in & set(spec.excluded_categories):
            return False
        if not (spec.products or spec.categories):
            return True
        return product.reference in spec.products or bool(kept_in & set(spec.categories))
