"""What tests of paid membership say again and again: a plan, an order of its product, what runs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import PaidTerm, Plan
from loyalty.services import paid_members
from retention.shop import LineData
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.loyalty.till import START

PRICE = Decimal("60.00")


def shipping(slug: str = "club-shipping", **given: Any) -> Offer:
    """Make an offer of free shipping without a minimum, as often as one likes."""
    terms = Terms(kind=Kind.FREE_SHIPPING, valid_days=400, uses=1000, exclusive=False, **given)
    return offers.create(slug=slug, name="Free shipping", terms=terms, at=START)


def plan(shop: FakeShop, **given: Any) -> Plan:
    """Sell a membership of a year by a product of the shop."""
    product = given.pop("product", None)
    if product is None:
        product = shop.add_product("Club", price=PRICE)
    return Plan.objects.create(name=given.pop("name", "Club"), product=product, **given)


def buy(shop: FakeShop, what: Plan, user: Any = None, *, quantity: int = 1, beside: Decimal | None = None,
        **more: Any) -> str:  # fmt: skip
    """Let somebody buy pieces of a plan. ``beside``: the price of other goods in the order. Returns its reference."""
    amount = PRICE * quantity
    lines = [LineData(reference="1", product=what.product, quantity=quantity, list_price=amount, amount=amount)]
    if beside is not None:
        lines.append(LineData(reference="2", product="cup", list_price=beside, amount=beside))
    total = sum((line.amount for line in lines), Decimal(0))
    if user is not None:
        more.setdefault("email", user.email)
    return shop.place(user=user, total=total, lines=tuple(lines), product=what.product, **more)


def work(at: datetime) -> None:
    """Do what the ticks do."""
    settle(at=at)
    paid_members.look(at=at)
    settle(at=at)


def runs(user: Any) -> list[tuple[str, str]]:
    """Return from when until when each term of a user runs, by day, the first first."""
    rows = PaidTerm.objects.filter(customer__user=user, ends_at__isnull=False).order_by("starts_at", "pk")
    return [(f"{row.starts_at:%Y-%m-%d}", f"{row.ends_at:%Y-%m-%d}") for row in rows]
