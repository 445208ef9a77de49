"""What tests of loyalty say again and again: a programme, a member, what stands in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from loyalty.models import Account, Entry, OrderAward, Programme, Tier, TierTable
from loyalty.services import programmes
from retention.models import Customer
from retention.services import customers

START = datetime(2026, 1, 1, tzinfo=UTC)


def start(*, rate: str = "1", currency: str = "EUR", worth: str | None = None, **given: Any) -> Programme:
    """Run a programme since the beginning of the year; points open at once unless ``pending_days`` says otherwise."""
    programme = Programme.objects.create(name="Points", active=True, **{"pending_days": 0, **given})
    rating(programme, rate, currency=currency, worth=worth)
    return programme


def rating(
    programme: Programme, rate: str, *, currency: str = "EUR", at: datetime = START, worth: str | None = None
) -> None:
    """Let a currency earn from a time on."""
    programmes.set_rate(
        programme, currency=currency, points=Decimal(rate), at=at, worth=Decimal(worth) if worth else None
    )


def join(email: str = "ada@example.com", *, at: datetime = START) -> Any:
    """Make a user of the shop with a member's row."""
    user = get_user_model().objects.create_user(username=email, email=email, password="a long password")
    customers.for_user(user, at=at)
    return user


def who(user: Any) -> Customer:
    return Customer.objects.get(user=user)


def account(user: Any) -> tuple[int, int]:
    """Return balance and pending; (0, 0) for who has no account."""
    row = Account.objects.filter(customer__user=user).first()
    return (row.balance, row.pending) if row else (0, 0)


def ledger(user: Any) -> list[tuple[str, str, int]]:
    """Return kind, bucket and points of each entry, the first first."""
    rows = Entry.objects.filter(account__customer__user=user).order_by("pk")
    return [(row.kind, row.bucket, row.points) for row in rows]


def award(reference: str) -> OrderAward:
    return OrderAward.objects.get(order=reference)


def table(*rungs: tuple[str, int], currency: str = "EUR", **given: Any) -> TierTable:
    """Put a tier table in force: pairs of name and threshold in minor units, lowest first."""
    made = TierTable.objects.create(name="Tiers", active=True, currency=currency, **given)
    Tier.objects.bulk_create(
        Tier(table=made, rank=rank, name=name, threshold_minor=minor)
        for rank, (name, minor) in enumerate(rungs, start=1)
    )
    return made
