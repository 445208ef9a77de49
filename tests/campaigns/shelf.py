"""Offers and coupons for a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from campaigns import queries
from campaigns.models import Coupon, Offer, OfferTally, Redemption
from campaigns.services import coupons, offers, redemptions
from campaigns.services.coupons import Wish
from campaigns.services.limits import Cap
from campaigns.services.redemptions import Hold
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


def make_offer(
    terms: Terms | None = None,
    *,
    slug: str = "thanks",
    max_uses: int | None = None,
    caps: Sequence[Cap] = (),
    **given: Any,
) -> Offer:
    """Make an offer; ``max_uses`` are uses in total."""
    caps = [*caps, *([Cap(most=max_uses)] if max_uses is not None else [])]
    return offers.create(slug=slug, name=slug.capitalize(), terms=terms or percentage(), at=NOW, caps=caps, **given)


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


def reserve(
    coupon: Coupon,
    cart: str = "c1",
    *,
    email: str = "ada@example.com",
    at: datetime = NOW,
    currency: str = "EUR",
    off: int = 0,
) -> Redemption:
    """Reserve a coupon for a cart; ``off``: what it takes off, minor units."""
    fresh = queries.by_code([coupon.code], cart=cart).get()
    hold = Hold(
        coupon=fresh, customer_key=customer_key(email), customer=coupon.customer_id, currency=currency, discount=off
    )
    [row] = redemptions.reserve([hold], cart=cart, at=at)
    return row


def tally(offer: Offer) -> list[int]:
    """Return what is taken of each of an offer's limits, period by period, the first first."""
    rows = OfferTally.objects.filter(limit__offer=offer).order_by("limit", "window")
    return list(rows.values_list("taken", flat=True))


def uses(coupon: Coupon) -> list[tuple[str, str]]:
    """Return state and order, or cart, of each use, the first first."""
    rows = Redemption.objects.filter(coupon=coupon).order_by("pk")
    return [(row.state, row.order or row.cart) for row in rows]


def taken(coupon: Coupon) -> int:
    """Return how many uses of a coupon are taken."""
    return Coupon.objects.get(pk=coupon.pk).used
