"""Oscar's side of the year: its own services place, ship, cancel and refund.

Oscar reads the clock itself, so whoever calls these has set it (``time_machine``); ours get it as an argument.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser
from oscar.apps.catalogue.reviews.signals import review_added
from oscar.apps.customer.signals import user_registered
from oscar.core.loading import get_class, get_model

from example.demo.seed.history.cast import Person
from example.demo.seed.history.purchases import Purchase
from example.shipping.methods import Collect, Post

Basket = get_model("basket", "Basket")
Order = get_model("order", "Order")
PaymentEvent = get_model("order", "PaymentEvent")
PaymentEventQuantity = get_model("order", "PaymentEventQuantity")
PaymentEventType = get_model("order", "PaymentEventType")
Product = get_model("catalogue", "Product")
ProductReview = get_model("reviews", "ProductReview")
ShippingAddress = get_model("order", "ShippingAddress")
Applicator = get_class("offer.applicator", "Applicator")
OrderCreator = get_class("order.utils", "OrderCreator")
OrderTotalCalculator = get_class("checkout.calculators", "OrderTotalCalculator")
Selector = get_class("partner.strategy", "Selector")
User = get_user_model()


def register(person: Person) -> Any:
    """Register somebody; without a password, so that nobody can log in. Who has an account keeps it."""
    user, _ = User.objects.get_or_create(
        email=person.email,
        defaults={
            "username": person.email,
            "password": make_password(None),
            "first_name": person.first,
            "last_name": person.last,
        },
    )
    user_registered.send(sender=None, request=None, user=user)
    return user


def place(purchase: Purchase, *, user: Any | None, voucher: Any | None = None) -> Any:
    """Place one order as the checkout does; return it."""
    shopper = user or AnonymousUser()
    basket = Basket.objects.create(owner=user)
    basket.strategy = Selector().strategy(user=shopper)
    products = Product.objects.in_bulk([sku for sku, _ in purchase.basket], field_name="upc")
    for sku, quantity in purchase.basket:
        basket.add_product(products[sku], quantity)
    if voucher:
        basket.vouchers.add(voucher)
    Applicator().apply(basket, user=shopper)
    method = Collect() if purchase.collected else Post()
    charge = method.calculate(basket)
    order = OrderCreator().place_order(
        basket=basket,
        total=OrderTotalCalculator().calculate(basket, charge),
        shipping_method=method,
        shipping_charge=charge,
        shipping_address=_address(purchase.person),
        user=shopper,
        date_placed=purchase.at,
        **({} if user else {"guest_email": purchase.person.email}),
    )
    basket.submit()
    return order


def move(order: Any, status: str) -> None:
    """Set an order's status as the dashboard does."""
    order.refresh_from_db()
    order.set_status(status)


def refund(order: Any, *, whole: bool) -> None:
    """Write down that the goods came back and their money was returned: all of it, or one line's."""
    kind, _ = PaymentEventType.objects.get_or_create(name="Refunded")
    lines = list(order.lines.order_by("pk")[: None if whole else 1])
    amount = order.total_incl_tax if whole else lines[0].line_price_incl_tax
    event = PaymentEvent.objects.create(order=order, event_type=kind, amount=amount)
    PaymentEventQuantity.objects.bulk_create(
        PaymentEventQuantity(event=event, line=line, quantity=line.quantity) for line in lines
    )


def review(user: Any, *, sku: str, words: str) -> None:
    """Write a review of a product, as its page does."""
    product = Product.objects.get(upc=sku)
    title = words.partition(".")[0]
    written = ProductReview.objects.create(product=product, user=user, score=5, title=title, body=words)
    review_added.send(sender=None, review=written, user=user, request=None, response=None)


def _address(person: Person) -> Any:
    city, postcode = person.place
    return ShippingAddress.objects.create(
        first_name=person.first,
        last_name=person.last,
        line1=f"{len(person.email)} Example Street",
        line4=city,
        postcode=postcode,
        country_id=person.country,
    )
