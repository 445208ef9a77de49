"""What staff say about a referral that stands out: once, with a reason and a name."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from loyalty.models import Referral
from loyalty.services import referrals


class NoReason(Exception):
    """A decision says why, and whose it is."""


class Reviewed(Exception):
    """Somebody has decided it meanwhile, or nothing about it stands out any more."""


class OwnOrder(Exception):
    """The order is the referrer's own: there is no friend to reward anybody for."""


def decide(referral: Referral, *, approve: bool, reason: str, author: str, at: datetime) -> None:
    """Approve a referral, whose reward then comes when the window has closed, or decline it.

    Raises NoReason, OwnOrder, and Reviewed for all but the first of two who decide at once.
    """
    reason, author = reason.strip(), author.strip()
    if not reason or not author:
        raise NoReason
    if approve and referral.friend_id is None:
        raise OwnOrder
    with transaction.atomic():
        said = Referral.Review.APPROVED if approve else Referral.Review.DECLINED
        won = Referral.objects.filter(pk=referral.pk, review=Referral.Review.OPEN).update(
            review=said, review_reason=reason[:200], reviewed_by=author[:150], reviewed_at=at
        )
        if not won:
            raise Reviewed
        referrals.settle([referral.order], at=at)
