"""From the link's button to the order: what the friend's browser carries, and what is written at the checkout."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from campaigns.models import Coupon
from campaigns.services import codes, coupons
from campaigns.services.coupons import Wish
from loyalty.models import Referral, ReferralLink, ReferralTerms
from retention import origin, registry
from retention.hashing import network_hash
from retention.models import Customer
from retention.registry import Evidence
from retention.services import evidence

NAME = "loyalty.referral"
PURPOSE = "referral"
GIVEN = "referral:friend:"
"""What the keys of friends' coupons begin with."""


class Own(Exception):
    """The link is the visitor's own."""


class NotNew(Exception):
    """The visitor has ordered before: the link is for who has not."""


def park(
    request: HttpRequest, link: ReferralLink, terms: ReferralTerms, *, customer: Customer | None, at: datetime
) -> Coupon | None:
    """Let a link wait in the visitor's session for their next order, and give the friend's coupon, if there is one.

    The same link again keeps the coupon of the first time. ``customer``: the visitor, where they are signed in.
    Raises Own, NotNew.
    """
    if customer is not None and customer.pk == link.customer_id:
        raise Own
    if customer is not None and customer.orders_count:
        raise NotNew
    known = evidence.parked(request, NAME) or {}
    coupon = _coupon(known.get("coupon"), terms) if known.get("code") == link.code else None
    if coupon is None and terms.friend_offer is not None:
        key = f"{GIVEN}{customer.pk if customer else uuid.uuid4()}"
        wish = Wish(key=key, customer=customer.pk if customer else None)
        coupon = coupons.issue(wish, offer=terms.friend_offer, source="referral", at=at)
    what = {"code": link.code, "at": at.isoformat(), "coupon": coupon.pk if coupon else None}
    evidence.park(request, NAME, what)
    return coupon


def open_link(link: ReferralLink, terms: ReferralTerms, *, visit: str, at: datetime) -> Coupon | None:
    """Give the friend's coupon in a shop that carries codes itself; None where there is none.

    ``visit``: the shop's own word for it, e.g. of the basket: the same again is the same coupon.
    """
    if terms.friend_offer is None:
        return None
    wish = Wish(key=f"{GIVEN}{link.code}:{visit}", customer=None)
    return coupons.issue(wish, offer=terms.friend_offer, source="referral", at=at)


def given(typed: str) -> Coupon | None:
    """Return a friend's coupon by its code; None for what was not given with a link."""
    code = codes.normal(typed)
    return Coupon.objects.filter(code=code, key__startswith=GIVEN).first() if code else None


def _coupon(pk: Any, terms: ReferralTerms) -> Coupon | None:
    return Coupon.objects.filter(pk=pk, offer=terms.friend_offer).first() if pk else None


def keep(request: HttpRequest, parked: Any, order: str, at: datetime) -> None:
    """Write down by whose link an order came: one INSERT. Who that is, is found out later."""
    Referral.objects.create(
        order=order,
        code=parked["code"],
        parked_at=parse_datetime(parked["at"]),
        network_hash=network_hash(origin.network(origin.of(request)), purpose=PURPOSE),
        friend_coupon_id=parked["coupon"],
        at=at,
    )


def note(*, order: str, code: str, address: str = "", coupon: Coupon | None = None, at: datetime) -> bool:
    """Write down by whose code an order came, for a shop that carries it itself.

    ``address``: the friend's network address, as far as it is known; ``coupon``: what ``open_link`` gave. False where
    the order has come by one already.
    """
    _, made = Referral.objects.get_or_create(
        order=order,
        defaults={
            "code": code,
            "network_hash": network_hash(origin.network(address) if address else "", purpose=PURPOSE),
            "friend_coupon": coupon,
            "at": at,
        },
    )
    return made


def load() -> None:
    """Have it written down with the order."""
    registry.evidence.add(NAME, Evidence(name=NAME, keep=keep))
