"""A whole shop in memory: every capability, no host. Users are Django's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from retention.services import inbox
from retention.shop import (
    Capability,
    CartData,
    CartGone,
    CartLine,
    CouponRejected,
    CouponSpec,
    CouponStatus,
    CustomerData,
    NotSupported,
    OrderData,
    ProductData,
    Report,
    Shop,
)
from retention.testing.goods import Cart, Coupon
from retention.testing.till import STATUSES, Till


class FakeShop(Till, Shop):
    """What the till says, as an adapter says it. Public state may be looked at and changed."""

    capabilities = frozenset(Capability)

    # Orders and customers

    def get_orders(self, references: Collection[str]) -> Mapping[str, OrderData]:
        return {reference: self.orders[reference] for reference in references if reference in self.orders}

    def iter_orders(self, *, since: datetime | None, until: datetime | None = None) -> Iterator[str]:
        for order in sorted(self.orders.values(), key=lambda order: order.placed_at):
            if (since is None or order.placed_at >= since) and (until is None or order.placed_at < until):
                yield order.reference

    def iter_customers(self, *, since: datetime | None = None) -> Iterator[CustomerData]:
        for user in get_user_model()._default_manager.filter(is_active=True).order_by("pk"):
            if since is None or user.date_joined >= since:
                yield self._customer(user)

    def get_customers(self, references: Collection[str]) -> Mapping[str, CustomerData]:
        ids = [reference for reference in references if reference.isdigit()]
        return {str(user.pk): self._customer(user) for user in get_user_model()._default_manager.filter(pk__in=ids)}

    def statuses(self) -> Collection[str]:
        return ["Placed", *STATUSES.values()]

    # Accounts

    def get_request_order(self, request: HttpRequest) -> OrderData | None:
        return self.orders.get(request.session.get("fake_order", ""))

    def find_guest_orders(self, email: str) -> Sequence[str]:
        wanted = email.strip().lower()
        return [
            order.reference
            for order in self.orders.values()
            if order.user_id is None and wanted and order.email.lower() == wanted
        ]

    def claim_order(self, reference: str, *, user: Any) -> bool:
        order = self.orders.get(reference)
        if order is None or order.user_id is not None or order.email.lower() != user.email.lower():
            return False
        self.orders[reference] = replace(order, user_id=user.pk)
        self.address_book.setdefault(user.pk, set()).add((order.country, order.postcode))
        return True

    def find_users(self, email: str) -> Sequence[Any]:
        return list(get_user_model()._default_manager.filter(email__iexact=email.strip()).order_by("pk"))

    def create_customer(
        self,
        request: HttpRequest | None,
        *,
        email: str,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
    ) -> Any:
        model: Any = get_user_model()
        user = model(email=email.strip(), first_name=first_name, last_name=last_name)
        user.username = f"user-{model._default_manager.count() + 1}"
        user.set_password(password)
        user.save()
        inbox.record(kind=inbox.CUSTOMER, reference=str(user.pk))
        return user

    # Coupons

    def create_coupons(self, specs: Iterable[CouponSpec]) -> None:
        for spec in specs:
            self.coupons.setdefault(spec.code.upper(), Coupon(spec=spec))

    def coupon_status(self, codes: Collection[str]) -> Mapping[str, CouponStatus]:
        known = {code: self.coupons[code.upper()] for code in codes if code.upper() in self.coupons}
        return {
            code: CouponStatus(code=code, used=len(coupon.used_by), active=coupon.refusal(at=self.clock.now) is None)
            for code, coupon in known.items()
        }

    def disable_coupons(self, codes: Collection[str]) -> None:
        for code in codes:
            if code.upper() in self.coupons:
                self.coupons[code.upper()].disabled = True

    def extend_coupons(self, codes: Collection[str], *, ends_at: datetime) -> None:
        for code in codes:
            if coupon := self.coupons.get(code.upper()):
                coupon.spec = replace(coupon.spec, ends_at=ends_at)
                coupon.disabled = False

    def release_coupon(self, code: str, *, order_reference: str) -> bool:
        if not self.gives_back:
            raise NotSupported("This shop cannot give the use of a coupon back.")
        coupon = self.coupons.get(code.upper())
        if coupon is None or order_reference not in coupon.used_by:
            return False
        coupon.used_by.remove(order_reference)
        return True

    def apply_coupon(self, request: HttpRequest, code: str) -> None:
        code = code.strip().upper()
        coupon, cart, user = self.coupons.get(code), self._cart(request), self._user(request)
        reason = "unknown" if coupon is None else coupon.refusal(at=self.clock.now)
        if coupon is None or reason:
            raise CouponRejected(reason or "unknown", code=code)
        if cart is None or not cart.quantities:
            request.session["fake_parked"] = code
            return
        if code in cart.coupons:
            return
        cart.coupons.append(code)
        email = user.email if user else request.session.get("fake_email", "")
        _, refusals = self._reckon(cart, email=email, user_id=user.pk if user else None)
        if code in refusals:
            cart.coupons.remove(code)
            raise CouponRejected(refusals[code], code=code)
        for refusal in self._sift(request, cart):
            if refusal.code.upper() == code:
                raise refusal

    def remove_coupon(self, request: HttpRequest, code: str) -> None:
        cart = self._cart(request)
        if cart is not None and code.upper() in cart.coupons:
            cart.coupons.remove(code.upper())

    # Carts and catalogue

    def get_cart(self, request: HttpRequest) -> CartData | None:
        cart = self._cart(request)
        if cart is None:
            return CartData(reference="", currency=self.currency, total=Decimal(0))
        user = self._user(request)
        email = user.email if user else request.session.get("fake_email", "")
        return self._cart_data(cart, email=email, user_id=user.pk if user else None)

    def iter_idle_carts(self, *, idle_since: datetime, oldest: datetime) -> Iterator[CartData]:
        for cart in self.carts.values():
            if cart.quantities and not cart.ordered and oldest <= cart.changed_at <= idle_since:
                user = get_user_model()._default_manager.filter(pk=cart.user_id or 0).first()
                yield self._cart_data(cart, email=user.email if user else "", user_id=cart.user_id)

    def restore_cart(self, request: HttpRequest, reference: str) -> None:
        cart, user = self.carts.get(reference), self._user(request)
        if cart is None or cart.ordered or cart.user_id not in (None, user.pk if user else None):
            raise CartGone(reference)
        request.session["fake_cart"] = reference

    def get_products(self, references: Collection[str]) -> Mapping[str, ProductData]:
        return {reference: self.products[reference] for reference in references if reference in self.products}

    # Pages

    def order_url(self, order: OrderData) -> str:
        return f"/orders/{order.number}/"

    def cart_url(self, cart: CartData | None = None) -> str:
        return "/cart/"

    def thank_you_url(self) -> str:
        return "/thank-you/"

    def account_url(self) -> str:
        return "/account/"

    def uninstall(self) -> Report:
        count = len(self.coupons)
        self.coupons.clear()
        for cart in self.carts.values():
            cart.coupons.clear()
        return Report(lines=(f"{count} coupons taken out.",))

    def _cart_data(self, cart: Cart, *, email: str, user_id: int | None) -> CartData:
        reckoned, _ = self._reckon(cart, email=email, user_id=user_id)
        lines = tuple(
            CartLine(
                product=product,
                quantity=cart.quantities[product],
                price=self._price(product) * cart.quantities[product],
                left=pile.left,
            )
            for product, pile in reckoned.piles.items()
        )
        return CartData(
            reference=cart.reference,
            currency=cart.currency,
            total=reckoned.goods,
            lines=lines,
            coupons=tuple(cart.coupons),
            discounts=tuple(reckoned.uses),
            email=email,
            user_id=user_id,
            changed_at=cart.changed_at,
        )

    @staticmethod
    def _customer(user: Any) -> CustomerData:
        return CustomerData(
            user_id=user.pk,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            joined_at=user.date_joined.astimezone(UTC),
        )
