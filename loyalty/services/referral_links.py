"""A member's one code for friends."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef

from campaigns.services import codes
from loyalty.models import ReferralLink, ReferralTerms
from retention.models import Customer
from retention.rows import batch_size

LENGTH = 10
"""Letters: too many to try them all, few enough to be said aloud."""


class NotAMember(Exception):
    """Guests have no link: there is no account to reward."""


def terms() -> ReferralTerms | None:
    """Return the referral terms in force, None where nobody is rewarded for friends."""
    return ReferralTerms.objects.filter(active=True).first()


def find(typed: str) -> ReferralLink | None:
    """Return the link of a code as somebody typed or pasted it; None where no living member has it."""
    code = codes.normal(typed)
    if not code:
        return None
    links = ReferralLink.objects.filter(code=code, customer__absorbed_into=None, customer__erased_at=None)
    return links.select_related("customer").first()


def of(customer: Customer) -> ReferralLink | None:
    """Return a customer's link, None before it is made."""
    return ReferralLink.objects.filter(customer=customer).first()


def make(customer: Customer, *, at: datetime) -> ReferralLink:
    """Return a member's link, made when there is none. Raises NotAMember."""
    if customer.kind != Customer.Kind.MEMBER or customer.absorbed_into_id or customer.erased_at:
        raise NotAMember
    while True:
        _make([customer.pk], at=at)
        found = of(customer)
        if found is not None:
            return found  # else the code was somebody's already: once more


def make_due(*, at: datetime, limit: int = 1000) -> int:
    """Make links for members that have ordered and have none, while terms are in force. Returns how many."""
    if terms() is None:
        return 0
    members = Customer.objects.living().filter(kind=Customer.Kind.MEMBER, erased_at=None, orders_count__gt=0)
    without = members.exclude(Exists(ReferralLink.objects.filter(customer=OuterRef("pk"))))
    return _make(list(without.order_by("pk").values_list("pk", flat=True)[: batch_size(limit)]), at=at)


def show_name(customer: Customer, shows: bool) -> None:
    """Let the page that the link opens say the member's first name, or no more."""
    ReferralLink.objects.filter(customer=customer).update(shows_name=shows)


def _make(customers: Collection[int], *, at: datetime) -> int:
    ReferralLink.objects.bulk_create(
        [ReferralLink(customer_id=customer, code=_draw(), made_at=at) for customer in customers], ignore_conflicts=True
    )
    return len(customers)


def _draw() -> str:
    return "".join(secrets.choice(codes.ALPHABET) for _ in range(LENGTH))
