"""What happens in the shop in memory: goods, carts, orders, and what a merchant does with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from django.http import HttpRequest

from retention.services import evidence, inbox
from retention.shop import CouponRejected, LineData, OrderData, ProductData, RefundData
from retention.testing.clock import Clock
from retention.testing.desk import CouponDesk
from retention.testing.goods import Cart

STATUSES = {"paid": "Paid", "fulfilled": "Shipped", "delivered": "Delivered", "cancelled": "Cancelled"}


class Till(CouponDesk):
    """Deterministic: orders are numbered from 1, time is the clock's."""

    currency = "EUR"

    def __init__(self) -> None:
        self.reset()

    def reset(self, clock: Clock | None = None) -> None:
        """Empty the shop."""
        self.clock = clock or Clock()
        self.orders: dict[str, OrderData] = {}
        self.carts = {}
        self.coupons = {}
        self.products = {}
        self.sales = {}
        self.address_book: dict[int, set[tuple[str, str]]] = {}
        self.silent = False
        """Change orders without telling anyone, as shops do."""
        self.gives_back = True
        """Whether the use of a coupon can be given back; False for a shop that cannot."""

    # What happens in the shop

    def add_product(
        self, title: str = "Cup", *, price: Decimal = Decimal("20.00"), currency: str = "", category: str = ""
    ) -> str:
        """Put a product into the catalogue, in a category like ``clay/cups``. Returns its reference."""
        reference = f"p{len(self.products) + 1}"
        self.products[reference] = ProductData(
            reference=reference,
            title=title,
            url=f"/products/{reference}/",
            price=price,
            currency=currency or self.currency,
            in_stock=True,
            categories=tuple(accumulate(category.split("/"), "{}/{}".format)) if category else (),
        )
        return reference

    def put_on_sale(self, product: str, percent: Decimal) -> None:
        """Let an offer of the shop's own take so much off every piece of a product."""
        self.sales[product] = percent

    def place(
        self,
        *,
        email: str = "ada@example.com",
        user: Any = None,
        total: Decimal = Decimal("40.00"),
        at: datetime | None = None,
        **more: Any,
    ) -> str:
        """Place an order without a cart. ``more``: fields of OrderData. Returns its reference."""
        product = more.pop("product", "") or next(iter(self.products), "") or self.add_product()
        fields: dict[str, Any] = {
            "currency": self.currency,
            "items": total,
            "lines": (LineData(reference="1", product=product, title="Cup", list_price=total, amount=total),),
            **more,
        }
        return self._store(email=email, user=user, total=total, placed_at=at or self.clock.now, **fields)

    def mark(self, reference: str, what: str, *, at: datetime | None = None) -> None:
        """Bring an order to ``paid``, ``fulfilled``, ``delivered`` or ``cancelled``."""
        self._change(reference, status=STATUSES[what], **{f"{what}_at": at or self.clock.now})

    def reinstate(self, reference: str) -> None:
        """Take a cancelled order up again."""
        self._change(reference, status="Paid", cancelled_at=None)

    def refund(self, reference: str, amount: Decimal, *, at: datetime | None = None) -> None:
        refunds = self.orders[reference].refunds
        made = RefundData(reference=f"r{len(refunds) + 1}", amount=amount, at=at or self.clock.now)
        self._change(reference, refunds=(*refunds, made))

    def put(self, request: HttpRequest, product: str, quantity: int = 1) -> None:
        """Put a product into the request's cart; a coupon that waited for that is applied."""
        cart = self._cart(request) or self._new_cart(request)
        cart.quantities[product] = cart.quantities.get(product, 0) + quantity
        cart.currency = self.products[product].currency
        cart.changed_at = self.clock.now
        self._resume(request)

    def sign_in(self, request: HttpRequest, user: Any) -> None:
        """Sign a visitor in: their cart goes into the one that the member has left behind, with its coupons."""
        request.user = user
        own = [cart for cart in self.carts.values() if cart.user_id == user.pk and not cart.ordered]
        guest = self._cart(request)
        if own:
            request.session["fake_cart"] = own[-1].reference
            for product, number in (guest.quantities if guest else {}).items():
                own[-1].quantities[product] = max(number, own[-1].quantities.get(product, 0))
            own[-1].coupons += [code for code in (guest.coupons if guest else ()) if code not in own[-1].coupons]
        elif guest:
            guest.user_id = user.pk
        self._resume(request)

    def checkout(self, request: HttpRequest, *, email: str = "") -> str:
        """Place the order of the request's cart. Raises CouponRejected before any money would be taken."""
        cart, user = self._cart(request), self._user(request)
        assert cart is not None, "there is nothing in the cart"
        if email:
            request.session["fake_email"] = email
        try:
            self._guard(request, cart)
        except CouponRejected as refusal:
            self._tell_refusal(refusal, "checkout", cart)
            raise
        reckoned, _ = self._reckon(cart, email=user.email if user else email, user_id=user.pk if user else None)
        items, shipping, uses = reckoned.goods, reckoned.shipping, reckoned.uses
        reference = self._store(
            email=user.email if user else email,
            user=user,
            total=items + shipping,
            placed_at=self.clock.now,
            currency=cart.currency,
            items=items,
            shipping=shipping,
            coupons=tuple(uses),
            cart=cart.reference,
            lines=tuple(
                LineData(
                    reference=str(number),
                    product=product,
                    title=self.products[product].title,
                    categories=self.products[product].categories,
                    quantity=cart.quantities[product],
                    list_price=self._price(product) * cart.quantities[product],
                    amount=pile.left,
                )
                for number, (product, pile) in enumerate(reckoned.piles.items(), start=1)
            ),
        )
        for use in uses:
            self.coupons[use.code].used_by.append(reference)
        evidence.keep(request, reference, at=self.clock.now)
        cart.ordered = True
        request.session["fake_order"] = reference
        request.session.pop("fake_cart")
        return reference

    # Inside

    def _store(self, *, email: str, user: Any, **fields: Any) -> str:
        number = len(self.orders) + 1
        order = OrderData(
            **{
                "reference": str(number),
                "number": f"{1000 + number}",
                "status": "Placed",
                "paid_at": fields["placed_at"],
                "email": email,
                "user_id": user.pk if user else None,
                "country": "DE",
                "postcode": "12345",
                **fields,
            }
        )
        self.orders[order.reference] = order
        self._tell("order_placed", order.reference)
        return order.reference

    def _change(self, reference: str, **fields: Any) -> None:
        self.orders[reference] = replace(self.orders[reference], **fields)
        self._tell("order_changed", reference)

    def _tell(self, kind: str, reference: str) -> None:
        if not self.silent:
            inbox.record(kind=kind, reference=reference)

    def _new_cart(self, request: HttpRequest) -> Cart:
        user = self._user(request)
        cart = Cart(
            reference=f"c{len(self.carts) + 1}",
            currency=self.currency,
            user_id=user.pk if user else None,
            changed_at=self.clock.now,
        )
        self.carts[cart.reference] = cart
        request.session["fake_cart"] = cart.reference
        return cart

    @staticmethod
    def _user(request: HttpRequest) -> Any | None:
        user = getattr(request, "user", None)
        return user if user is not None and user.is_authenticated else None
