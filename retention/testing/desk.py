"""What the shop in memory does with the codes in a cart."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpRequest

from retention import registry
from retention.shop import CartData, CouponRejected, ProductData
from retention.testing.clock import Clock
from retention.testing.goods import Cart, Coupon
from retention.testing.reckoning import TURNS, Pile, Reckoning

SHIPPING = Decimal("4.00")


class CouponDesk:
    """The part of the shop that knows coupons, and asks the guards of the checkout."""

    clock: Clock
    carts: dict[str, Cart]
    coupons: dict[str, Coupon]
    products: dict[str, ProductData]
    sales: dict[str, Decimal]
    """Product → percent that an offer of the shop's own takes off it."""

    def apply_coupon(self, request: HttpRequest, code: str) -> None:
        raise NotImplementedError

    def get_cart(self, request: HttpRequest) -> CartData | None:
        raise NotImplementedError

    def _resume(self, request: HttpRequest) -> None:
        """Apply a coupon that waits for a cart."""
        parked, cart = request.session.get("fake_parked", ""), self._cart(request)
        if not parked or cart is None or not cart.quantities:
            return
        try:
            self.apply_coupon(request, parked)
        except CouponRejected as refusal:
            if refusal.reason in ("minimum", "products"):
                return
            self._tell_refusal(refusal, "form", cart)
        request.session.pop("fake_parked")

    def _guard(self, request: HttpRequest, cart: Cart) -> None:
        data = self.get_cart(request)
        assert data is not None
        _, refusals = self._reckon(cart, email=data.email, user_id=data.user_id)
        for code, reason in refusals.items():
            cart.coupons.remove(code)
            raise CouponRejected(reason, code=code)
        for guard in registry.checkout_guards:
            try:
                guard.reserve(request, data, email=data.email, user_id=data.user_id, at=self.clock.now)
            except CouponRejected as refusal:
                if refusal.code.upper() in cart.coupons:
                    cart.coupons.remove(refusal.code.upper())
                raise

    def _tell_refusal(self, refusal: CouponRejected, place: str, cart: Cart) -> None:
        for listener in registry.coupon_refusals:
            listener(refusal, place, cart.reference, self.clock.now)

    def _sift(self, request: HttpRequest, cart: Cart) -> list[CouponRejected]:
        """Take out of the cart what a guard will not have in it. Returns what they refused."""
        refusals: list[CouponRejected] = []
        while cart.coupons and (refusal := self._check(request)):
            refusals.append(refusal)
            if refusal.code.upper() not in cart.coupons:
                break
            cart.coupons.remove(refusal.code.upper())
        return refusals

    def _check(self, request: HttpRequest) -> CouponRejected | None:
        data = self.get_cart(request)
        assert data is not None
        for guard in registry.checkout_guards:
            try:
                if guard.check is not None:
                    guard.check(request, data, email=data.email, user_id=data.user_id, at=self.clock.now)
            except CouponRejected as refusal:
                return refusal
        return None

    def _reckon(self, cart: Cart, *, email: str, user_id: int | None) -> tuple[Reckoning, dict[str, str]]:
        """Let each coupon take its part. Returns what came of it, and code → why a coupon takes nothing."""
        reckoned = Reckoning(
            piles={
                product: Pile(pieces=number, left=self._due(product) * number, reduced=product in self.sales)
                for product, number in cart.quantities.items()
            },
            shipping=SHIPPING,
        )
        refusals = {}
        for code in sorted(cart.coupons, key=self._turn):
            coupon = self.coupons[code]
            reason = coupon.refusal(at=self.clock.now) or coupon.refuses(
                cart, self.products, email=email, user_id=user_id
            )
            meant = {product: coupon.means(self.products[product]) for product in cart.quantities}
            if reason := reason or reckoned.take(coupon, meant):
                refusals[code] = reason
        return reckoned, refusals

    def _turn(self, code: str) -> tuple[bool, int, int, int]:
        """Return what sorts coupons: those that stand alone first, then by priority, kind and age."""
        spec = self.coupons[code].spec
        return not spec.exclusive, spec.priority, TURNS.index(spec.kind), list(self.coupons).index(code)

    def _cart(self, request: HttpRequest) -> Cart | None:
        return self.carts.get(request.session.get("fake_cart", ""))

    def _price(self, product: str) -> Decimal:
        return self.products[product].price or Decimal(0)

    def _due(self, product: str) -> Decimal:
        """Return what a piece costs by the shop's own offers."""
        off = self.sales.get(product, Decimal(0))
        return (self._price(product) * (100 - off) / 100).quantize(Decimal("0.01"))
