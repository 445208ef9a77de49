"""Oscar's side of the year: its own services place, ship, cancel and refund.

Oscar reads the clock itself, so whoever calls these has set it (``time_machine``); ours get it as an argument.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
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
ShippingAddress = get_model("order", "ShippingAddress")
Applicator = get_class("offer.applicator", "Applicator")
OrderCreator = get_class("order.utils", "OrderCreator")
OrderTotalCalculator = get_class("checkout.calculators", "OrderTotalCalculator")
Selector = get_class("partner.strategy", "Selector")
User = get_user_model()


def register(person: Person, *, at: datetime) -> Any:
    """Make an account that nobody can log in to."""
    user = User.objects.create_user(person.email, person.email, None, first_name=person.first, last_name=person.last)
    User.objects.filter(pk=user.pk).update(date_joined=at)
    return user


def place(purchase: Purchase, *, user: Any | None, voucher: Any | None = None) -> Any:
    """Place one order as the checkout does; return it."""
    basket = Basket.objects.create(owner=user)
    basket.strategy = Selector().strategy(user=user)
    products = Product.objects.in_bulk([sku for sku, _ in purchase.basket], field_name="upc")
    for sku, quantity in purchase.basket:
        basket.add_product(products[sku], quantity)
    if voucher:
        basket.vouchers.add(voucher)
    Applicator().apply(basket, user=user)
    method = Collect() if purchase.collected else Post()
    charge = method.calculate(basket)
    order = OrderCreator().place_order(
        basket=basket,
        total=OrderTotalCalculator().calculate(basket, charge),
        shipping_method=method,
        shipping_charge=charge,
        shipping_address=_address(purchase.person),
        user=user,
        date_placed=purchase.at,
        **({} if user else {"guest_email": purchase.person.email}),
    )
    basket.submit()
    return order


def move(order: Any, status: str) -> None:
    """Set an order's status as the dashboard does."""
    order.set_status(status)


def refund(order: Any, *, lines: list[Any]) -> None:
    """Write down that these lines were taken back and their money returned."""
    kind, _ = PaymentEventType.objects.get_or_create(name="Refunded")
    amount = sum((line.line_price_incl_tax for line in lines), Decimal(0))
    if len(lines) == order.lines.count():
        amount = order.total_incl_tax
    event = PaymentEvent.objects.create(order=order, event_type=kind, amount=amount)
    PaymentEventQuantity.objects.bulk_create(
        PaymentEventQuantity(event=event, line=line, quantity=line.quantity) for line in lines
    )


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
