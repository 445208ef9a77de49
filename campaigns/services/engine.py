"""Where coupons live besides our own rows: in the host's vouchers, or nowhere else.

Both engines keep the same promise. What a coupon takes off is the host's word where it has vouchers, and
``pricing``'s where it has none; who may use it, and how often, is ours in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from campaigns.models import Coupon
from retention.money import to_decimal
from retention.shop import Capability, CouponSpec, NotSupported, get_shop


class Engine(Protocol):
    prices: bool
    """Whether discounts are reckoned by us."""

    def create(self, coupons: Sequence[Coupon]) -> None:
        """Make these coupons usable."""

    def disable(self, codes: Sequence[str]) -> None:
        """Let nobody use these codes any more."""

    def extend(self, codes: Sequence[str], *, ends_at: datetime) -> None:
        """Let these codes end at ``ends_at``."""

    def taken(self, codes: Sequence[str]) -> set[str]:
        """Return which of these codes the host already has for something else."""

    def give_back(self, code: str, *, order: str) -> bool:
        """Give back the use of a code by an order; False where the host cannot: the coupon must be replaced."""


class Host:
    """Coupons are vouchers of the host's, too."""

    prices = False

    def create(self, coupons: Sequence[Coupon]) -> None:
        get_shop().create_coupons(map(spec_of, coupons))

    def disable(self, codes: Sequence[str]) -> None:
        get_shop().disable_coupons(codes)

    def extend(self, codes: Sequence[str], *, ends_at: datetime) -> None:
        get_shop().extend_coupons(codes, ends_at=ends_at)

    def taken(self, codes: Sequence[str]) -> set[str]:
        return set(get_shop().coupon_status(codes))

    def give_back(self, code: str, *, order: str) -> bool:
        try:
            get_shop().release_coupon(code, order_reference=order)
        except NotSupported:
            return False
        return True


class Own:
    """The host has no vouchers: our rows are all there is."""

    prices = True

    def create(self, coupons: Sequence[Coupon]) -> None:
        """Nothing: the rows are there."""

    def disable(self, codes: Sequence[str]) -> None:
        """Nothing: the state says it."""

    def extend(self, codes: Sequence[str], *, ends_at: datetime) -> None:
        """Nothing: the row says it."""

    def taken(self, codes: Sequence[str]) -> set[str]:
        return set()

    def give_back(self, code: str, *, order: str) -> bool:
        return True


def current() -> Engine:
    """Return the engine of the shop that we are installed in."""
    return Host() if Capability.COUPONS in get_shop().capabilities else Own()


def spec_of(coupon: Coupon) -> CouponSpec:
    """Return what the host needs to know of a coupon. Its ``offer`` and ``version`` are loaded."""
    terms, money, owner, goods = coupon.terms, coupon.money, coupon.customer, coupon.terms.goods
    amount = money.amount if money is not None else None
    least = money.minimum if money is not None else None
    return CouponSpec(
        code=coupon.code,
        offer=f"{coupon.offer.slug}/{coupon.version.number}",
        name=coupon.offer.name,
        kind=terms.kind,
        value=terms.percent or (to_decimal(amount, coupon.currency) if amount else Decimal(0)),
        own_value=coupon.amount_minor is not None,
        currency=coupon.currency,
        minimum=to_decimal(least, coupon.currency) if least else None,
        products=goods.only_products,
        categories=goods.only_categories,
        excluded_products=goods.never_products,
        excluded_categories=goods.never_categories,
        starts_at=coupon.starts_at or coupon.issued_at,
        ends_at=coupon.expires_at,
        email=owner.email if owner else "",
        user_id=owner.user_id if owner else None,
        uses=_uses(coupon),
        exclusive=terms.exclusive,
        sale_goods=terms.sale_goods,
        priority=terms.priority,
    )


def _uses(coupon: Coupon) -> int:
    """Return how often the host may take a code; 0 where only we count.

    What a basket still holds of an old code may come to the new one later.
    """
    if coupon.replaces_id is None:
        return coupon.max_uses or 0
    is_shared = coupon.customer_id is None and coupon.batch_id is None
    return 0 if is_shared else max(coupon.terms.uses, coupon.max_uses or 0)
