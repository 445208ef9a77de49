"""Two shoppers with everything, and staff; each thing carries its owner's name, so that a leak can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from retention.models import Customer, Message, Order, OrderCoupon, OrderLine, Refund, Spend
from retention.models.consent import Basis, Purpose
from retention.services import consent, customers

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
V1 = "/retention/api/v1/"


@dataclass
class Shopper:
    name: str
    user: Any
    customer: Customer
    client: APIClient
    """Signed in by token."""
    orders: list[Order] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """A word that stands in everything of this shopper and in nothing of anybody else."""
        return f"{self.name}-mark"


def user(name: str, **given: Any) -> Any:
    return get_user_model().objects.create_user(
        username=name, email=f"{name}-mark@example.com", password="a long password", **given
    )


def client(user: Any = None, **given: Any) -> APIClient:
    """Return a client that is signed in by a token; as nobody without a user."""
    made = APIClient(**given)
    if user is not None:
        token = Token.objects.get_or_create(user=user)[0]
        made.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return made


def shopper(name: str, *, orders: int = 2) -> Shopper:
    """Make a member with a consent, a message and orders that have a line, a refund and a coupon each."""
    owner = user(name, first_name=f"{name}-mark")
    row = customers.for_user(owner, at=NOON)
    made = Shopper(name=name, user=owner, customer=row, client=client(owner))
    Spend.objects.create(customer=row, currency="EUR", net_minor=1000)
    consent.grant(row, purpose=Purpose.MARKETING, basis=Basis.OPT_IN, source=made.mark, text=made.mark, at=NOON)
    for number in range(orders):
        made.orders.append(order(made, number))
    Message.objects.create(
        key=f"{made.mark}:1", mail="retention.sign_in", purpose=Message.Purpose.SERVICE, customer=row,
        order=made.orders[0].reference if made.orders else "", source=made.mark, due_at=NOON, created_at=NOON,
        changed_at=NOON,
    )  # fmt: skip
    return made


def order(owner: Shopper, number: int, **given: Any) -> Order:
    reference = f"{owner.mark}-{number}"
    row = Order.objects.create(
        **{
            "reference": reference, "number": f"10{number}-{owner.mark}", "customer": owner.customer,
            "email": f"{owner.mark}@example.com", "postcode": f"1{owner.mark}", "currency": "EUR",
            "items_minor": 1000, "shipping_minor": 250, "total_minor": 1250, "refunded_minor": 100,
            "placed_at": NOON + timedelta(minutes=number), "first_seen_at": NOON, "read_at": NOON, "digest": "x",
            **given,
        }
    )  # fmt: skip
    OrderLine.objects.create(
        order=row, reference="1", product=f"{owner.mark}-product", title=f"{owner.mark} cup", amount_minor=1000,
        list_minor=1100,
    )  # fmt: skip
    Refund.objects.create(order=row, reference=f"{owner.mark}-refund", amount_minor=100, at=NOON)
    OrderCoupon.objects.create(order=row, code=f"{owner.mark}-code", discount_minor=100)
    return row


def staff(name: str, *permissions: str) -> APIClient:
    """Return a client of a member of staff with these permissions ("app.codename")."""
    account = user(name, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        account.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return client(account)


def queries(client: APIClient, path: str) -> int:
    """Return how many queries a GET takes, the token's own among them."""
    with CaptureQueriesContext(connection) as found:
        answer = client.get(V1 + path)
    assert answer.status_code == 200, answer.content
    return len(found)
