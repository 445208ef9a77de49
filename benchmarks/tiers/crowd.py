"""Many customers with three orders each, made by SQL, the same ones each time."""

from __future__ import annotations

from datetime import datetime

from benchmarks import seeding
from retention.models import Customer, Order

ORDERS_EACH = 3
DAYS = 730
"""Orders are spread over so many days up to now."""


def make(*, first: int, last: int, at: datetime) -> None:
    """Add customers ``first`` to ``last`` and their orders."""
    people = {"id": "n", "kind": "'member'", "address": "'p' || n || '@example.com'", "created_at": "%(at)s"}
    orders = {
        "id": f"n * {ORDERS_EACH} + k", "reference": "n || '-' || k", "number": "n || '-' || k", "customer_id": "n",
        "currency": "'EUR'", "total_minor": "(random() * 40000)::int",
        "refunded_minor": "CASE WHEN random() < 0.05 THEN 1000 ELSE 0 END", "placed_at": "day", "paid_at": "day",
        "first_seen_at": "day", "read_at": "day",
    }  # fmt: skip
    source = f"""
        generate_series(%(first)s, %(last)s) n, generate_series(0, {ORDERS_EACH - 1}) k,
        LATERAL (SELECT %(at)s - random() * interval '{DAYS} days' + n * k * interval '0 s' AS day) d
    """
    with seeding.unchecked() as cursor:
        cursor.execute("SELECT setseed(0.42)")
        seeding.insert(Customer, people, "generate_series(%(first)s, %(last)s) n", at=at, first=first, last=last)
        seeding.insert(Order, orders, source, at=at, first=first, last=last)
        cursor.execute("ANALYZE")
