"""Telling paying members that what they paid for ends soon, once for each end. Nobody is ever charged."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from loyalty.models import PaidMember, Plan
from retention.conf import conf as ground
from retention.rows import batch_size
from retention.services import outbox
from retention.services.outbox import Promise

MAIL = "loyalty.membership_ends"


def warn(*, at: datetime, limit: int = 1000) -> int:
    """Promise a mail to every member whose end is near and who was not told of it. Returns how many."""
    told = 0
    for plan in Plan.objects.order_by("pk"):
        until = at + timedelta(days=plan.notice_days) / ground.SPEED
        near = PaidMember.objects.filter(plan=plan, until__gt=at, until__lte=until, customer__erased_at=None)
        near = near.filter(Q(told_until=None) | ~Q(told_until=F("until")))
        with transaction.atomic():
            rows = list(near.select_for_update(of=("self",)).order_by("pk")[: batch_size(limit)])
            outbox.post_many(
                [
                    Promise(
                        key=f"membership-ends:{row.pk}:{row.until:%Y-%m-%d}",
                        mail=MAIL,
                        customer=row.customer_id,
                        due_at=at,
                        values={"plan": plan.pk},
                        source="loyalty:membership",
                    )
                    for row in rows
                ],
                at=at,
            )
            PaidMember.objects.filter(pk__in=[row.pk for row in rows]).update(told_until=F("until"))
        told += len(rows)
    return told
