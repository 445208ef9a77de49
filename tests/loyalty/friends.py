"""What tests of referrals say again and again: terms, a member with a link, a friend who orders by it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.models import Referral, ReferralFlag, ReferralTerms
from loyalty.services import referral_links, referral_visits, referrals
from retention.models import Customer
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from tests.loyalty import till


def terms(**given: Any) -> ReferralTerms:
    """Put terms in force: 500 points, fourteen days after the order was paid."""
    return ReferralTerms.objects.create(name="Friends", **{"active": True, "points": 500, **given})


def member(email: str = "ada@example.com", *, first_name: str = "", last_name: str = "") -> Any:
    """Make a member of the shop."""
    user = till.join(email)
    Customer.objects.filter(user=user).update(first_name=first_name, last_name=last_name)
    return user


def code(user: Any) -> str:
    """Return the member's code."""
    return referral_links.make(till.who(user), at=till.START).code


def order(shop: FakeShop, typed: str, email: str, *, network: str = "", **more: Any) -> str:
    """Let somebody order by a code, and let everything that follows be done. Returns the order's reference."""
    reference = shop.place(email=email, total=Decimal("40.00"), **more)
    referral_visits.note(order=reference, code=typed, address=network, at=shop.clock.now)
    work(shop.clock.now)
    return reference


def work(at: datetime) -> None:
    """Do what the ticks do."""
    settle(at=at)
    referrals.settle_due(at=at)
    settle(at=at)


def of(reference: str) -> Referral:
    return Referral.objects.get(order=reference)


def said(reference: str) -> tuple[str, str, str]:
    """Return state, why and review."""
    one = of(reference)
    return one.state, one.why, one.review


def flags(reference: str) -> list[str]:
    return list(ReferralFlag.objects.filter(referral__order=reference).order_by("kind").values_list("kind", flat=True))
