"""What coupons of ours were refused, kept for some weeks so that staff can say why; nothing of who shopped."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.conf import conf
from campaigns.models import Coupon, Rejection
from campaigns.reasons import Reason
from campaigns.services import codes
from retention.redaction import without_addresses
from retention.rows import batch_size
from retention.shop import CouponRejected

BATCH = 5000

HOSTS_WORDS = {
    "owner": Reason.SOMEONE_ELSES,
    "currency": Reason.WRONG_CURRENCY,
    "minimum": Reason.BELOW_MINIMUM,
    "products": Reason.GOODS,
    "no_discount": Reason.NOTHING_OFF,
}
"""What a shop's own checks say → our word for it."""


def note(rejected: CouponRejected, where: str, cart: str, at: datetime) -> None:
    """Keep one refusal. ``where`` is one of ``Rejection.Where``. A code that is none of ours is not kept."""
    code = codes.normal(rejected.code)
    coupon = Coupon.objects.filter(code=code).values_list("pk", flat=True).first() if code else None
    if coupon is None:
        return
    reason, detail = _reason(rejected)
    Rejection.objects.create(
        coupon_id=coupon,
        reason=reason,
        detail=without_addresses(detail)[:200],
        where=where,
        cart=cart[:128],
        at=at,
    )


def _reason(rejected: CouponRejected) -> tuple[Reason, str]:
    """Return our reason and what else there is to say."""
    said = rejected.reason
    if said in HOSTS_WORDS:
        return HOSTS_WORDS[said], rejected.detail
    # a coupon that we have and the shop does not know is the shop's affair
    if said in Reason.values and said != Reason.UNKNOWN:
        return Reason(said), rejected.detail
    return Reason.HOST, ": ".join(filter(None, (said, rejected.detail)))


def prune(*, at: datetime) -> int:
    """Delete refusals older than ``REFUSAL_DAYS``. Returns how many."""
    old = Rejection.objects.filter(at__lt=at - timedelta(days=conf.REFUSAL_DAYS))
    count = 0
    while rows := list(old.values_list("pk", flat=True)[: batch_size(BATCH)]):
        count += old.filter(pk__in=rows).delete()[0]
    return count
