"""Many customers with three orders each, made by SQL, the same ones each time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from retention.models import Customer, Order

ORDERS_EACH = 3
DAYS = 730
"""Orders are spread over so many days up to now."""


def make(*, first: int, last: int, at: datetime) -> None:
    """Add customers ``first`` to ``last`` and their orders."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.42)")
    people = {"id": "n", "kind": "'member'", "address": "'p' || n || '@example.com'", "created_at": "%(at)s"}
    _insert(Customer, people, "generate_series(%(first)s, %(last)s) n", at=at, first=first, last=last)
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
    _insert(Order, orders, source, at=at, first=first, last=last)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _insert(model: type[Model], given: dict[str, str], source: str, **values: Any) -> None:
    """Insert what a SELECT gives; other columns get what an empty row of the model has."""
    empty = model()
    rest = {
        field.column: field.get_db_prep_save(getattr(empty, field.attname), connection)
        for field in model._meta.concrete_fields
        if field.column not in given and not field.null and not field.primary_key
    }
    columns = ", ".join(f'"{name}"' for name in (*given, *rest))
    selected = ", ".join((*given.values(), *(f"%(rest_{name})s" for name in rest)))
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {selected} FROM {source}',
            {**values, **{f"rest_{name}": value for name, value in rest.items()}},
        )
