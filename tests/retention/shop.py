"""The shop in memory, as a test of the ground wants it: orders by name, silent, and able to break."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from retention.shop import OrderData, RefundData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Broken(Exception):
    """What an adapter raises for an order it cannot read."""


class LocalShop(FakeShop):
    """References are the test's; a change tells nobody; what is in ``broken`` raises."""

    def reset(self, clock: Clock | None = None) -> None:
        super().reset(clock or Clock(NOON))
        self.silent = True
        self.broken: set[str] = set()
        self.asked: list[list[str]] = []
        self.known_statuses: list[str] | None = None

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

    def refund(self, reference: str, amount: str, *, at: datetime | None = None) -> None:
        """Give back money of an order, one refund more."""
        old = self.orders[reference]
        one = RefundData(reference=f"{reference}-R{len(old.refunds) + 1}", amount=Decimal(amount), at=at or NOON)
        self.change(reference, refunds=(*old.refunds, one))

    def get_orders(self, references: Collection[str]) -> Mapping[str, OrderData]:
        self.asked.append(list(references))
        for reference in references:
            if reference in self.broken:
                raise Broken(f"order {reference} has no currency")
        return super().get_orders(references)

    def statuses(self) -> Collection[str] | None:
        return self.known_statuses
