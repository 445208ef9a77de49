"""Orders that an Oscar shop had before us, written as they lie in its tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from oscar.core.loading import get_model

PRICE = Decimal("20.00")


def members(count: int, *, joined: datetime) -> list[Any]:
    """Make accounts, one a minute from ``joined`` on."""
    return get_user_model().objects.bulk_create(
        get_user_model()(
            username=f"member-{number}",
            email=f"member{number}@example.com",
            password="!",
            date_joined=joined + timedelta(minutes=number),
        )
        for number in range(count)
    )


def orders(count: int, *, since: datetime, users: list[Any], guests: int = 0) -> list[Any]:
    """Place orders of one line, one a minute from ``since`` on: of these users, and of so many guests, in turn."""
    Order, Line = get_model("order", "Order"), get_model("order", "Line")
    owners = [{"user": user} for user in users]
    owners += [{"user": None, "guest_email": f"guest{number}@example.com"} for number in range(guests)]
    placed = Order.objects.bulk_create(
        Order(
            number=f"P{number}",
            currency="EUR",
            total_incl_tax=PRICE,
            total_excl_tax=PRICE,
            status="Complete",
            date_placed=since + timedelta(minutes=number),
            **owners[number % len(owners)],
        )
        for number in range(count)
    )
    Line.objects.bulk_create(
        Line(
            order=order,
            title="Cup",
            partner_sku="cup",
            quantity=1,
            num_allocated=0,
            line_price_incl_tax=PRICE,
            line_price_excl_tax=PRICE,
            line_price_before_discounts_incl_tax=PRICE,
            line_price_before_discounts_excl_tax=PRICE,
        )
        for order in placed
    )
    return placed
