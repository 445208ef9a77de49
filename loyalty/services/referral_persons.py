"""One person's link and friends: taking them out, forgetting them, handing a guest's to the member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from loyalty.models import Referral, ReferralLink
from retention.models import Customer

FORGOTTEN = "(erased)"


def export(customer: Customer) -> Mapping[str, Any]:
    """Return a customer's link, the friends' orders that it brought, and by whose link they came themselves.

    Who the others are is theirs, and is not in it.
    """
    link = ReferralLink.objects.filter(customer=customer).first()
    brought = Referral.objects.filter(referrer=customer).order_by("pk")
    came = Referral.objects.filter(friend=customer).order_by("pk")
    return {
        "link": link.code if link else "",
        "link_shows_first_name": bool(link and link.shows_name),
        "friends": list(brought.values("at", "state", "stands", "rewarded_at")),
        "came_by_a_friend": list(came.values("at", "order", "state", "parked_at", "friend_stands")),
    }


def erase(customer: Customer, at: datetime) -> None:
    """Delete the link, and the words and networks of what it brought; that a mailbox was somebody's friend stays."""
    ReferralLink.objects.filter(customer=customer).delete()
    theirs = Referral.objects.filter(Q(referrer=customer) | Q(friend=customer))
    theirs.exclude(review_reason="").update(review_reason=FORGOTTEN)
    theirs.exclude(network_hash="").update(network_hash="")


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Say of the guest's first order that it is the member's, but where the member had brought that guest.

    Those are settled when the order changes hands, and take back what they gave.
    """
    Referral.objects.filter(friend=guest).exclude(referrer=member).update(friend=member)
    # a row of an imported programme is no guest and has an account, whose points are the member's now
    Referral.objects.filter(friend_holder=guest).update(friend_holder=member)
