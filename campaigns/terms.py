"""What an offer promises, as plain data: an issued coupon keeps the terms it started with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

FOREVER = date(1970, 1, 1)
"""The first day of the one period that never ends."""


class Kind(TextChoices):
    PERCENTAGE = "percentage", _("percentage off")
    AMOUNT = "amount", _("amount off")
    FREE_SHIPPING = "free_shipping", _("free shipping")
    FREE_PRODUCT = "free_product", _("a free product")


class Period(TextChoices):
    EVER = "ever", _("over all time")
    DAY = "day", _("a day")
    WEEK = "week", _("a week")
    MONTH = "month", _("a month")
    YEAR = "year", _("a year")


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
class Goods:
    """What an offer is for; references are the shop's. Empty: everything."""

    only_products: tuple[str, ...] = ()
    only_categories: tuple[str, ...] = ()
    never_products: tuple[str, ...] = ()
    never_categories: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it makes any difference."""
        return bool(self.only_products or self.only_categories or self.never_products or self.never_categories)

    @property
    def asks_categories(self) -> bool:
        return bool(self.only_categories or self.never_categories)

    def match(self, products: Collection[str], categories: Collection[str]) -> bool:
        """Whether a product is meant that has these names, its own and its parent's, and is kept in these categories.

        What is out stays out, whatever else says it is in.
        """
        if not set(self.never_products).isdisjoint(products) or not set(self.never_categories).isdisjoint(categories):
            return False
        if not (self.only_products or self.only_categories):
            return True
        return not set(self.only_products).isdisjoint(products) or not set(self.only_categories).isdisjoint(categories)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a coupon promises. Limits over a whole offer stand apart: they hold for coupons that are out, too."""

    kind: str
    valid_days: int | None
    """Days from issue; None where only the last day counts."""
    starts_on: date | None = None
    ends_on: date | None = None
    """The last day, in the shop's zone."""
    percent: Decimal | None = None
    money: tuple[Money, ...] = ()
    """One entry a currency, the preferred one first."""
    goods: Goods = Goods()
    """What it is for; of a free product, what may be free."""
    uses: int = 1
    """How often one coupon can be used."""
    per_customer: int | None = None
    """How often one person, aliases included, can use coupons of the offer; None for no such limit."""
    per_customer_period: str = Period.EVER
    first_order_only: bool = False
    conditions: tuple[Asked, ...] = ()
    exclusive: bool = True
    """Not together with another coupon of ours."""
    sale_goods: bool = True
    """Also from what the shop itself sells at a reduced price."""
    priority: int = 10
    """Of several used together, the lowest takes its part first."""

    def in_currency(self, currency: str) -> Money | None:
        """Return what the offer says in a currency, None where it says nothing."""
        return next((money for money in self.money if money.currency == currency), None)

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "kind": str(self.kind),
            "starts_on": self.starts_on.isoformat() if self.starts_on else None,
            "ends_on": self.ends_on.isoformat() if self.ends_on else None,
            "percent": None if self.percent is None else str(self.percent.normalize()),
            "per_customer_period": str(self.per_customer_period),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Terms:
        """Return terms as they were stored; what older ones do not name is as it was then."""
        days = {name: date.fromisoformat(data[name]) for name in ("starts_on", "ends_on") if data.get(name)}
        return cls(
            **{
                **data,
                "starts_on": days.get("starts_on"),
                "ends_on": days.get("ends_on"),
                "percent": None if data["percent"] is None else Decimal(data["percent"]),
                "money": tuple(Money(**money) for money in data["money"]),
                "goods": Goods(**{name: tuple(found) for name, found in data.get("goods", {}).items()}),
                "conditions": tuple(Asked(**asked) for asked in data["conditions"]),
            }
        )
