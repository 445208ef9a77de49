"""Who else has a say about coupons that they gave: an app that stands behind what a coupon costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Coupon
from campaigns.reasons import Reason, Refusal
from retention.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Backer:
    """Asked about its coupons wherever a basket wants to use them; without any it costs nothing."""

    name: str
    """What the ``source`` of its coupons begins with, e.g. ``"reward:"``."""
    gone: Callable[[Sequence[Coupon], datetime], Collection[int]]
    """Return the ids of those of its coupons that nothing stands behind any more. One query."""


backers: Registry[Backer] = Registry("backer of coupons")


def is_backed(coupon: Coupon) -> bool:
    """Whether somebody stands behind the coupon, or should."""
    return any(coupon.source.startswith(backer.name) for backer in backers)


def refused(coupons: Sequence[Coupon], *, at: datetime) -> dict[int, Refusal]:
    """Return coupon id → refusal, of those that whoever gave them does not stand behind any more."""
    found: dict[int, Refusal] = {}
    for backer in backers:
        mine = [coupon for coupon in coupons if coupon.source.startswith(backer.name)]
        gone = backer.gone(mine, at) if mine else ()
        found |= {
            coupon.pk: Refusal(code=coupon.code, reason=Reason.NOT_BACKED) for coupon in mine if coupon.pk in gone
        }
    return found
