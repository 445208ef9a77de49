"""A whole shop in memory: every capability, no host. Users are Django's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from retention import registry
from retention.services import inbox
from retention.shop import (
    Capability,
    CartData,
    CartGone,
    CartLine,
    CouponRejected,
    CouponSpec,
    CouponStatus,
    CouponUse,
    CustomerData,
    LineData,
    OrderData,
    ProductData,
    RefundData,
    Report,
    Shop,
)
from retention.testing.clock import Clock
from retention.testing.goods import Cart, Coupon

SHIPPING = Decimal("4.00")
STATUSES = {"paid": "Paid", "fulfilled": "Shipped", "delivered": "Delivered", "cancelled": "Cancelled"}


class FakeShop(Shop):
    """Deterministic: orders are numbered from 1, time is the clock's. Public state may be looked at and changed."""

    capabilities = frozenset(Capability)
    currency = "EUR"

    def __init__(self) -> None:
        self.reset()

    def reset(self, clock: Clock | None = None) -> None:
        """Empty the shop."""
        self.clock = clock or Clock()
        self.orders: dict[str, OrderData] = {}
        self.carts: dict[str, Cart] = {}
        self.coupons: dict[str, Coupon] = {}
        self.products: dict[str, ProductData] = {}
        self.address_book: dict[int, set[tuple[str, str]]] = {}
        self.silent = False
        """Change orders without telling anyone, as shops do."""

    # What happens in the shop

    def add_product(
        self, title: str = "Cup", *, price: Decimal = Decimal("20.00"), currency: str = "", category: str = ""
    ) -> str:
        """Put a product into the catalogue. Returns its reference."""
        reference = f"p{len(self.products) + 1}"
        self.products[reference] = ProductData(
            reference=reference,
            title=title,
            url=f"/products/{reference}/",
            price=price,
            currency=currency or self.currency,
            in_stock=True,
            categories=(category,) if category else (),
        )
        return reference

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
        parked = request.session.get("fake_parked", "")
        if parked:
            try:
                self.apply_coupon(request, parked)
            except CouponRejected as refusal:
                if refusal.reason in ("minimum", "products"):
                    return
            request.session.pop("fake_parked")

    def checkout(self, request: HttpRequest, *, email: str = "") -> str:
        """Place the order of the request's cart. Raises CouponRejected before any money would be taken."""
        cart, user = self._cart(request), self._user(request)
        assert cart is not None, "there is nothing in the cart"
        if email:
            request.session["fake_email"] = email
        self._guard(request, cart)
        left = {reference: self._price(reference) * number for reference, number in cart.quantities.items()}
        uses = self._discounts(cart, left)
        free = any(self.coupons[use.code].spec.kind == "free_shipping" for use in uses)
        items, shipping = sum(left.values(), start=Decimal(0)), Decimal(0) if free else SHIPPING
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
                    amount=amount,
                )
                for number, (product, amount) in enumerate(left.items(), start=1)
            ),
        )
        for use in uses:
            self.coupons[use.code].used_by.append(reference)
        cart.ordered = True
        request.session["fake_order"] = reference
        request.session.pop("fake_cart")
        return reference

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
        self, request: HttpRequest | None, *, email: str, password: str | None, first_name: str = "", last_name: str = ""
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
            code: CouponStatus(
                code=code, used=len(coupon.used_by), active=coupon.refusal(at=self.clock.now) is None
            )
            for code, coupon in known.items()
        }

    def disable_coupons(self, codes: Collection[str]) -> None:
        for code in codes:
            if code.upper() in self.coupons:
                self.coupons[code.upper()].disabled = True

    def release_coupon(self, code: str, *, order_reference: str) -> bool:
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
        email = user.email if user else request.session.get("fake_email", "")
        if reason := coupon.refuses(cart, self.products, email=email, user_id=user.pk if user else None):
            raise CouponRejected(reason, code=code)
        if code not in cart.coupons:
            cart.coupons.append(code)

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
                user = get_user_model()._default_manager.filter(pk=cart.user_id).first()
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

    def _guard(self, request: HttpRequest, cart: Cart) -> None:
        data = self.get_cart(request)
        assert data is not None
        for code in list(cart.coupons):
            coupon = self.coupons[code]
            reason = coupon.refusal(at=self.clock.now) or coupon.refuses(
                cart, self.products, email=data.email, user_id=data.user_id
            )
            if reason:
                cart.coupons.remove(code)
                raise CouponRejected(reason, code=code)
        for guard in registry.checkout_guards:
            try:
                guard.reserve(request, data, email=data.email, user_id=data.user_id, at=self.clock.now)
            except CouponRejected as refusal:
                if refusal.code.upper() in cart.coupons:
                    cart.coupons.remove(refusal.code.upper())
                raise

    def _discounts(self, cart: Cart, left: dict[str, Decimal]) -> list[CouponUse]:
        """Take each coupon's discount from what is left to pay, line by line. Returns what each took."""
        uses = []
        for code in cart.coupons:
            coupon = self.coupons[code]
            mine = {reference: left[reference] for reference in coupon.lines(cart, self.products)}
            rest = discount = coupon.discount(mine, cart)
            for reference in mine:
                part = min(rest, left[reference])
                left[reference] -= part
                rest -= part
            uses.append(CouponUse(code=code, discount=discount))
        return uses

    def _cart(self, request: HttpRequest) -> Cart | None:
        return self.carts.get(request.session.get("fake_cart", ""))

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

    def _cart_data(self, cart: Cart, *, email: str, user_id: int | None) -> CartData:
        left = {reference: self._price(reference) * number for reference, number in cart.quantities.items()}
        lines = tuple(
            CartLine(product=reference, quantity=cart.quantities[reference], price=price)
            for reference, price in left.items()
        )
        self._discounts(cart, left)
        return CartData(
            reference=cart.reference,
            currency=cart.currency,
            total=sum(left.values(), start=Decimal(0)),
            lines=lines,
            coupons=tuple(cart.coupons),
            email=email,
            user_id=user_id,
            changed_at=cart.changed_at,
        )

    def _price(self, product: str) -> Decimal:
        return self.products[product].price or Decimal(0)

    @staticmethod
    def _user(request: HttpRequest) -> Any | None:
        user = getattr(request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @staticmethod
    def _customer(user: Any) -> CustomerData:
        return CustomerData(
            user_id=user.pk,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            joined_at=user.date_joined.astimezone(UTC),
        )
