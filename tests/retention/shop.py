"""A shop in memory: what a test says, the adapter answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest

from retention.shop import Capability, CustomerData, OrderData, RefundData, Shop

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Broken(Exception):
    """What an adapter raises for an order it cannot read."""


class LocalShop(Shop):
    """Orders are in ``orders``; what is in ``broken`` raises."""

    capabilities = frozenset({Capability.GUEST_CLAIM, Capability.REQUEST_ORDER, Capability.REFUNDS})

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.orders: dict[str, OrderData] = {}
        self.broken: set[str] = set()
        self.asked: list[list[str]] = []
        self.wrong: list[str] | None = None

    # What a test does

    def place(self, reference: str, *, placed_at: datetime = NOON, **given: Any) -> OrderData:
        """Put an order into the shop: 40.00 EUR by a guest, unless told otherwise."""
        order = OrderData(
            **{
                "reference": reference,
                "number": f"N{reference}",
                "status": "new",
                "placed_at": placed_at,
                "currency": "EUR",
                "total": Decimal("40.00"),
                "items": Decimal("40.00"),
                "email": "ada@example.com",
                **given,
            }
        )
        self.orders[reference] = order
        return order

    def change(self, reference: str, **given: Any) -> OrderData:
        """Change an order in the shop without telling anybody."""
        self.orders[reference] = replace(self.orders[reference], **given)
        return self.orders[reference]

    def refund(self, reference: str, amount: str, *, at: datetime = NOON) -> OrderData:
        """Give back money of an order, one refund more."""
        old = self.orders[reference]
        one = RefundData(reference=f"{reference}-R{len(old.refunds) + 1}", amount=Decimal(amount), at=at)
        return self.change(reference, refunds=(*old.refunds, one))

    # What the adapter answers

    def get_orders(self, references: Collection[str]) -> Mapping[str, OrderData]:
        self.asked.append(list(references))
        for reference in references:
            if reference in self.broken:
                raise Broken(f"order {reference} has no currency")
        return {reference: self.orders[reference] for reference in references if reference in self.orders}

    def iter_orders(self, *, since: datetime | None, until: datetime | None = None) -> Iterator[str]:
        for order in sorted(self.orders.values(), key=lambda order: order.placed_at):
            if (since is None or order.placed_at >= since) and (until is None or order.placed_at < until):
                yield order.reference

    def get_customers(self, references: Collection[str]) -> Mapping[str, CustomerData]:
        users = get_user_model().objects.filter(pk__in=[int(reference) for reference in references])
        return {str(user.pk): CustomerData(user_id=user.pk, email=user.email) for user in users}

    def statuses(self) -> Collection[str] | None:
        return self.wrong

    def get_request_order(self, request: HttpRequest) -> OrderData | None:
        return self.orders.get(request.session.get("order", ""))

    def find_guest_orders(self, email: str) -> Sequence[str]:
        return [
            order.reference
            for order in self.orders.values()
            if order.user_id is None and order.email.lower() == email.lower()
        ]

    def claim_order(self, reference: str, *, user: Any) -> bool:
        if self.orders[reference].user_id is not None:
            return False
        self.change(reference, user_id=user.pk, email=user.email)
        return True

    def find_users(self, email: str) -> Sequence[Any]:
        return list(get_user_model().objects.filter(email__iexact=email).order_by("pk")) if email else []

    def create_customer(
        self,
        request: HttpRequest | None,
        *,
        email: str,
        password: str | None,
        first_name: str = "",
        last_name: str = "",
    ) -> Any:
        users = get_user_model().objects
        with transaction.atomic():
            return users.create_user(
                username=f"user-{users.count() + 1}-{email}"[:150],
                email=email,
                password=password,
                first_name=first_name,
                last_name=last_name,
            )
