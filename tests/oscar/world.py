"""The example's Oscar as the contract suite wants it: real pages through Django's test client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db.models import F
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from oscar.core.loading import get_class, get_model

from retention.shop import Shop, get_shop

T = TypeVar("T")

PASSWORD = "a long enough one"
NUMBERS = count(1)

ADDRESS = {
    "first_name": "Ada",
    "last_name": "Guest",
    "line1": "1 Example Street",
    "line4": "Exampletown",
    "postcode": "12345",
    "country": "DE",
}


class OscarWorld:
    """A visitor is a test client."""

    currency = "EUR"

    def __init__(self) -> None:
        self.shop: Shop = get_shop()
        get_model("address", "Country").objects.get_or_create(
            iso_3166_1_a2="DE", defaults={"printable_name": "Germany", "is_shipping_country": True}
        )

    def add_user(self, email: str) -> Any:
        return self.shop.create_customer(None, email=email, password=PASSWORD)

    def add_staff(self) -> Any:
        return get_user_model().objects.create_superuser(f"staff-{next(NUMBERS)}", "staff@example.com", PASSWORD)

    def add_product(self, title: str, price: Decimal, *, category: str = "") -> str:
        number = next(NUMBERS)
        kind, _ = get_model("catalogue", "ProductClass").objects.get_or_create(name="Things", track_stock=True)
        product = get_model("catalogue", "Product").objects.create(
            title=title, product_class=kind, upc=f"upc-{number}", structure="standalone"
        )
        partner, _ = get_model("partner", "Partner").objects.get_or_create(name="Workshop")
        get_model("partner", "StockRecord").objects.create(
            product=product,
            partner=partner,
            partner_sku=f"sku-{number}",
            price_currency=self.currency,
            price=price,
            num_in_stock=1000,
        )
        if category:
            product.categories.add(self.category(category))
        return str(product.pk)

    def add_variant(self, product: str, title: str, price: Decimal) -> str:
        """Put another variant of a product into the catalogue, which is not sold by itself then."""
        Product = get_model("catalogue", "Product")
        Product.objects.filter(pk=product).update(structure="parent")
        get_model("partner", "StockRecord").objects.filter(product=product).delete()
        variant = self.add_product(title, price)
        Product.objects.filter(pk=variant).update(structure="child", parent_id=product, product_class=None)
        return variant

    def category(self, path: str) -> Any:
        """Return the category at the end of a path like ``clay/cups``, made with what is above it."""
        above, _slash, name = path.rpartition("/")
        Category = get_model("catalogue", "Category")
        parent = self.category(above) if above else None
        siblings = Category.objects.filter(depth=path.count("/") + 1, path__startswith=parent.path if parent else "")
        found = siblings.filter(name=name).first()
        if found is None and parent is not None:
            return Category.objects.add_child(parent, {"name": name})
        return found or Category.objects.add_root({"name": name})

    def put_on_sale(self, product: str, percent: Decimal) -> None:
        """By an exclusive site offer, as Oscar makes them by default."""
        number = next(NUMBERS)
        goods = get_model("offer", "Range").objects.create(name=f"Sale {number}")
        goods.add_product(get_model("catalogue", "Product").objects.get(pk=product))
        get_model("offer", "ConditionalOffer").objects.create(
            name=f"Sale {number}",
            condition=get_model("offer", "Condition").objects.create(range=goods, type="Count", value=1),
            benefit=get_model("offer", "Benefit").objects.create(range=goods, type="Percentage", value=percent),
        )

    def visit(self, user: Any = None) -> Client:
        client = Client(raise_request_exception=True)
        if user is not None:
            client.force_login(user, backend="oscar.apps.customer.auth_backends.EmailBackend")
        return client

    def sign_in(self, visitor: Client, user: Any) -> None:
        page = {"login-username": user.email, "login-password": PASSWORD, "login_submit": "1"}
        response = visitor.post("/accounts/login/", page)
        assert response.status_code == 302, response.content.decode()[:2000]
        assert visitor.get("/basket/").status_code == 200

    def ask(self, visitor: Client, call: Callable[..., T], *args: Any) -> T:
        """Run the call inside the middleware that every page of the shop has."""
        answers: list[T] = []
        failures: list[Exception] = []

        def page(request: Any) -> HttpResponse:
            try:
                answers.append(call(request, *args))
            except Exception as failure:  # noqa: BLE001  (raised again below)
                failures.append(failure)
            return HttpResponse()

        BasketMiddleware = get_class("basket.middleware", "BasketMiddleware")
        handler = SessionMiddleware(AuthenticationMiddleware(MessageMiddleware(BasketMiddleware(page))))
        request = RequestFactory().get("/")
        request.COOKIES = {name: morsel.value for name, morsel in visitor.cookies.items()}
        response = handler(request)
        visitor.cookies.update(response.cookies)
        if failures:
            raise failures[0]
        return answers[0]

    def put(self, visitor: Client, product: str, quantity: int = 1) -> None:
        response = visitor.post(f"/basket/add/{product}/", {"quantity": quantity})
        assert response.status_code == 302, response.content.decode()[:2000]

    def to_preview(self, visitor: Client, email: str = "", **address: str) -> Any:
        """Go through the checkout up to the page on which the order is placed. Returns that page."""
        if email:
            visitor.post("/checkout/", {"username": email, "options": "anonymous"})
        visitor.post("/checkout/shipping-address/", {**ADDRESS, **address})
        visitor.post("/checkout/shipping-method/", {"method_code": "post"})
        return visitor.get("/checkout/preview/")

    def place(self, visitor: Client, **fields: str) -> Any:
        """Press the button on the preview page. Returns the answer."""
        return visitor.post("/checkout/preview/", {"action": "place_order", **fields})

    def checkout(self, visitor: Client, email: str = "") -> str:
        self.to_preview(visitor, email)
        before = visitor.session.get("checkout_order_id")
        response = self.place(visitor)
        assert response.status_code == 302, response.content.decode()[:4000]
        placed = visitor.session.get("checkout_order_id")
        return "" if placed == before else str(placed)

    def order(self, reference: str) -> Any:
        return get_model("order", "Order").objects.get(pk=reference)

    def fulfill(self, reference: str) -> None:
        self.order(reference).set_status("Being processed")
        self.order(reference).set_status("Shipped")

    def cancel(self, reference: str) -> None:
        self.order(reference).set_status("Cancelled")

    def refund(self, reference: str, amount: Decimal) -> None:
        """As Oscar's event handlers do it: the source writes a transaction, and the event goes with it."""
        order = self.order(reference)
        kind, _ = get_model("payment", "SourceType").objects.get_or_create(name="Card")
        source, _ = get_model("payment", "Source").objects.get_or_create(
            order=order, source_type=kind, defaults={"amount_debited": order.total_incl_tax}
        )
        source.refund(amount, reference="gateway-1")
        refunded, _ = get_model("order", "PaymentEventType").objects.get_or_create(name="Refunded")
        order.payment_events.create(event_type=refunded, amount=amount, reference="gateway-1")

    def leave_cart(self, visitor: Client, *, ago: timedelta) -> str:
        cart = self.ask(visitor, self.shop.get_cart)
        assert cart is not None
        get_model("basket", "Line").objects.filter(basket_id=cart.reference).update(
            date_updated=timezone.now() - ago, date_created=F("date_created") - ago
        )
        return cart.reference

    def now(self) -> datetime:
        return timezone.now()
