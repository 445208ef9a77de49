"""What the contract suite needs of a host: visitors, goods, and what a merchant does with orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest

from retention.shop import CouponRejected, Shop
from retention.testing.shop import FakeShop

T = TypeVar("T")


class World(Protocol):
    """Write one for your host, give it to the suite as the fixture ``world``."""

    shop: Shop
    currency: str

    def add_user(self, email: str) -> Any:
        """Make an account as the shop itself does."""

    def add_product(self, title: str, price: Decimal, *, category: str = "") -> str:
        """Put a product, ready to be bought, into the catalogue, in a category like ``clay/cups``.

        Returns its reference.
        """

    def put_on_sale(self, product: str, percent: Decimal) -> None:
        """Let an offer of the shop's own take so much off every piece of a product, for everybody."""

    def visit(self, user: Any = None) -> Any:
        """Return a new visitor with a session of their own, signed in as ``user``."""

    def sign_in(self, visitor: Any, user: Any) -> None:
        """Sign a visitor in, as the shop does, who then looks at their cart."""

    def ask(self, visitor: Any, call: Callable[..., T], *args: Any) -> T:
        """Return ``call(request, *args)`` in a request of this visitor; what it does to the session stays."""

    def put(self, visitor: Any, product: str, quantity: int = 1) -> None:
        """Put a product into the visitor's cart, as the shop does."""

    def checkout(self, visitor: Any, email: str = "") -> str:
        """Place the order of the visitor's cart by the shop's own checkout; ``email`` is a guest's.

        Returns the order's reference, empty where the checkout did not place one.
        """

    def fulfill(self, reference: str) -> None:
        """Send the order out, as the merchant does."""

    def cancel(self, reference: str) -> None:
        """Cancel the order, as the merchant does."""

    def refund(self, reference: str, amount: Decimal) -> None:
        """Give money back, as the merchant does."""

    def leave_cart(self, visitor: Any, *, ago: timedelta) -> str:
        """Make the visitor's cart one that was last touched so long ago. Returns its reference."""

    def now(self) -> datetime:
        """The shop's time."""


class FakeWorld:
    """The world of ``FakeShop``. A visitor is a session and a user."""

    def __init__(self, shop: FakeShop) -> None:
        self.shop = shop
        self.currency = shop.currency

    def add_user(self, email: str) -> Any:
        return self.shop.create_customer(None, email=email, password="a long enough one")

    def add_product(self, title: str, price: Decimal, *, category: str = "") -> str:
        return self.shop.add_product(title, price=price, category=category)

    def put_on_sale(self, product: str, percent: Decimal) -> None:
        self.shop.put_on_sale(product, percent)

    def sign_in(self, visitor: Any, user: Any) -> None:
        self.shop.sign_in(visitor, user)

    def visit(self, user: Any = None) -> Any:
        request = HttpRequest()
        request.session = SessionStore()
        request.user = user or AnonymousUser()
        return request

    def ask(self, visitor: Any, call: Callable[..., T], *args: Any) -> T:
        return call(visitor, *args)

    def put(self, visitor: Any, product: str, quantity: int = 1) -> None:
        self.shop.put(visitor, product, quantity)

    def checkout(self, visitor: Any, email: str = "") -> str:
        try:
            return self.shop.checkout(visitor, email=email)
        except CouponRejected:
            return ""

    def fulfill(self, reference: str) -> None:
        self.shop.mark(reference, "fulfilled")

    def cancel(self, reference: str) -> None:
        self.shop.mark(reference, "cancelled")

    def refund(self, reference: str, amount: Decimal) -> None:
        self.shop.refund(reference, amount)

    def leave_cart(self, visitor: Any, *, ago: timedelta) -> str:
        cart = self.shop.carts[visitor.session["fake_cart"]]
        cart.changed_at = self.now() - ago
        return cart.reference

    def now(self) -> datetime:
        return self.shop.clock.now
