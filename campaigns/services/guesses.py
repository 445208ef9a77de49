"""Tries of codes that do not exist, by hour and prefix: staff are told, and nobody is blocked by them.

A block by prefix would let anybody lock a merchant's campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from campaigns.conf import conf
from campaigns.models import Coupon, CouponBatch, Guess, Offer

HOUR = timedelta(hours=1)
KEEP = timedelta(days=90)

COUNT = """
INSERT INTO {guess} AS known (prefix, hour, count)
SELECT CASE WHEN EXISTS (SELECT 1 FROM {offer} WHERE prefix = %(prefix)s)
              OR EXISTS (SELECT 1 FROM {batch} WHERE prefix = %(prefix)s) THEN %(prefix)s ELSE '' END, %(hour)s, 1
WHERE NOT EXISTS (SELECT 1 FROM {coupon} WHERE code = %(code)s)
ON CONFLICT (prefix, hour) DO UPDATE SET count = known.count + 1
"""


def count(code: str, at: datetime) -> None:
    """Count a try of a code, as ``codes.normal`` reads it, that nobody could find; one that exists is not counted."""
    prefix, hyphen, _ = code.partition("-")
    quote = connection.ops.quote_name
    tables = {"guess": Guess, "offer": Offer, "batch": CouponBatch, "coupon": Coupon}
    sql = COUNT.format(**{name: quote(model._meta.db_table) for name, model in tables.items()})
    hour = at.replace(minute=0, second=0, microsecond=0)
    values = {
        "prefix": prefix if hyphen else "",
        "hour": connection.ops.adapt_datetimefield_value(hour),
        "code": code,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def rushes(*, at: datetime) -> Sequence[Guess]:
    """Return, of this hour and the one before, those in which more codes of a prefix were guessed than is usual."""
    since = at.replace(minute=0, second=0, microsecond=0) - HOUR
    return list(
        Guess.objects.filter(hour__gte=since, hour__lte=at, count__gt=conf.GUESSES_AN_HOUR).order_by("prefix", "-hour")
    )


def prune(*, at: datetime) -> int:
    """Delete counts older than 90 days. Returns how many."""
    return Guess.objects.filter(hour__lt=at - KEEP).delete()[0]
