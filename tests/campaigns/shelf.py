"""Offers and coupons for a test."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from campaigns.models import Coupon, Offer, Redemption
from campaigns.services import coupons, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.terms import Money, Terms
from retention.hashing import customer_key, normal
from retention.models import Customer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Where the clock of the tests starts."""


def percentage(percent: str = "10", **terms: Any) -> Terms:
    return Terms(kind="percentage", percent=Decimal(percent), **{"valid_days": 30, **terms})


def amount(*money: tuple[str, int, int | None], **terms: Any) -> Terms:
    """Terms of amounts off: triples of currency, amount and minimum in minor units."""
    entries = tuple(Money(currency=currency, amount=off, minimum=least) for currency, off, least in money)
    return Terms(kind="amount", money=entries, **{"valid_days": 30, **terms})


def make_offer(terms: Terms | None = None, *, slug: str = "thanks", **given: Any) -> Offer:
    return offers.create(slug=slug, name=slug.capitalize(), terms=terms or percentage(), at=NOW, **given)


def guest(email: str = "ada@example.com", **given: Any) -> Customer:
    """Make a guest, or find the one with this address."""
    row, _ = Customer.objects.get_or_create(
        kind="guest", address=normal(email), absorbed_into=None, defaults={"email": email, "created_at": NOW, **given}
    )
    return row


def give(offer: Offer, customer: Customer | None = None, *, key: str = "", at: datetime = NOW) -> Coupon:
    """Give a customer a coupon of an offer."""
    person = customer or guest()
    key = key or f"{offer.slug}:{person.pk}"
    coupon = coupons.issue(Wish(key=key, customer=person.pk), offer=offer, source="test", at=at)
    assert coupon is not None, "the customer was refused"
    return coupon


def reserve(coupon: Coupon, cart: str = "c1", *, email: str = "ada@example.com", at: datetime = NOW) -> Redemption:
    fresh = Coupon.objects.select_related("offer", "version").get(pk=coupon.pk)
    return redemptions.reserve(fresh, cart=cart, customer_key=customer_key(email), customer=coupon.customer_id, at=at)


def uses(coupon: Coupon) -> list[tuple[str, str]]:
    """Return state and order, or cart, of each use, the first first."""
    rows = Redemption.objects.filter(coupon=coupon).order_by("pk")
    return [(row.state, row.order or row.cart) for row in rows]


def taken(coupon: Coupon) -> int:
    """Return how many uses of a coupon are taken."""
    return Coupon.objects.get(pk=coupon.pk).used
