"""Tries of coupon codes: counted before a code is looked up, through every door with the same counters."""

from __future__ import annotations

from datetime import datetime, timedelta

from retention import origin as origins
from retention.conf import conf
from retention.services import blocks
from retention.services.blocks import Rule

SCOPE = "coupon"
WINDOW = timedelta(hours=1)


def count(*, origin: str, session: str, at: datetime) -> datetime | None:
    """Count a try by network address and by session, either of which may be unknown (empty).

    Returns until when the next try must wait; None where this one is allowed.
    """
    who = [f"address:{origins.network(origin)}" if origin else "", f"session:{session}" if session else ""]
    return blocks.count(scope=SCOPE, who=who, rule=_rule(), at=at)


def _rule() -> Rule:
    return Rule(
        limit=conf.COUPON_TRIES_PER_HOUR,
        window=WINDOW,
        first=timedelta(minutes=max(conf.COUPON_BLOCK_MINUTES, 1)),
        longest=timedelta(hours=max(conf.COUPON_BLOCK_HOURS_AT_MOST, 1)),
    )
