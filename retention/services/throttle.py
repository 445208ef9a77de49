"""Counting attempts before they are answered, exactly, whoever tries at the same time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from retention.hashing import origin_hash
from retention.models import Attempt


def hit(*, scope: str, who: str, limit: int, seconds: int, at: datetime) -> bool:
    """Count one attempt of ``who`` (a network address, a session); False when ``limit`` per window is reached.

    A conditional UPDATE decides, so that of 32 at once exactly ``limit`` are allowed.
    """
    about = {"scope": f"{scope}:{seconds}", "who_hash": origin_hash(who), "window": int(at.timestamp()) // seconds}
    rows = Attempt.objects.filter(**about, count__lt=limit)
    if rows.update(count=F("count") + 1):
        return True
    with transaction.atomic():
        _, made = Attempt.objects.get_or_create(**about, defaults={"count": 1 if limit > 0 else 0})
    if made:
        return limit > 0
    return rows.update(count=F("count") + 1) == 1


def prune(*, at: datetime) -> int:
    """Delete counters whose window ended more than a day ago. Returns how many."""
    count = 0
    for scope in list(Attempt.objects.order_by().values_list("scope", flat=True).distinct()):
        seconds = int(scope.rpartition(":")[2])
        ended = int((at - timedelta(days=1)).timestamp()) // seconds
        count += Attempt.objects.filter(scope=scope, window__lt=ended).delete()[0]
    return count
