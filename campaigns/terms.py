"""What an offer promises, as plain data: an issued coupon keeps the terms it started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    PERCENTAGE = "percentage", _("percentage off")
    AMOUNT = "amount", _("amount off")
    FREE_SHIPPING = "free_shipping", _("free shipping")


@dataclass(frozen=True, kw_only=True)
class Money:
    """What the offer says in one currency, in minor units."""

    currency: str
    amount: int | None = None
    """How much comes off; None for an offer that is not an amount."""
    minimum: int | None = None
    """Least worth of the goods; None for no minimum."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A registered condition with its parameters."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Terms:
    kind: str
    valid_days: int
    """Days from issue."""
    percent: Decimal | None = None
    money: tuple[Money, ...] = ()
    """One entry a currency, the preferred one first."""
    uses: int = 1
    """How often one coupon can be used."""
    per_customer: int | None = None
    """How often one person, aliases included, can use coupons of the offer; None for no such limit."""
    first_order_only: bool = False
    conditions: tuple[Asked, ...] = ()
    exclusive: bool = True
    """Not together with another coupon of ours."""

    def in_currency(self, currency: str) -> Money | None:
        """Return what the offer says in a currency, None where it says nothing."""
        return next((money for money in self.money if money.currency == currency), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "valid_days": self.valid_days,
            "percent": None if self.percent is None else str(self.percent.normalize()),
            "money": [
                {"currency": money.currency, "amount": money.amount, "minimum": money.minimum} for money in self.money
            ],
            "uses": self.uses,
            "per_customer": self.per_customer,
            "first_order_only": self.first_order_only,
            "conditions": [{"name": asked.name, "parameters": dict(asked.parameters)} for asked in self.conditions],
            "exclusive": self.exclusive,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Terms:
        return cls(
            kind=data["kind"],
            valid_days=data["valid_days"],
            percent=None if data["percent"] is None else Decimal(data["percent"]),
            money=tuple(Money(**money) for money in data["money"]),
            uses=data["uses"],
            per_customer=data["per_customer"],
            first_order_only=data["first_order_only"],
            conditions=tuple(Asked(**asked) for asked in data["conditions"]),
            exclusive=data["exclusive"],
        )
