"""How a paid membership does: who is a member, who is new, who has renewed, and what it brought in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, Sum

from loyalty.models import PaidTerm, Plan
from loyalty.services.paid_spans import SOON


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of one plan in ``[since, until)``. Money in minor units, never added up over currencies."""

    members: int
    """People whose membership runs at ``until``."""
    new: int
    """Terms that began, other than renewals."""
    ended: int
    """Terms that ran out by themselves, long enough ago that a renewal would have come."""
    renewed: int
    """Of those, the ones that another term followed within 30 days."""
    income: dict[str, int]
    """Currency → what stands of the orders whose terms became ready."""

    @property
    def percent(self) -> int | None:
        """Of terms that ended, how many were renewed; None where none has ended."""
        return self.renewed * 100 // self.ended if self.ended else None


def of(plan: Plan, *, since: datetime, until: datetime) -> Figures:
    """Return the figures of a plan. Five queries."""
    terms = PaidTerm.objects.filter(plan=plan)
    followed = terms.filter(
        customer=OuterRef("customer"), renews=True, starts_at__gte=OuterRef("ends_at"),
        starts_at__lte=OuterRef("ends_at") + SOON,
    )  # fmt: skip
    over = terms.filter(Q(ended_at=None) | Q(ended_at__gt=F("ends_at")), ends_at__gte=since, ends_at__lt=until)
    # who may still renew is neither lost nor kept
    over = over.filter(Q(ends_at__lt=until - SOON) | Q(Exists(followed)))
    sold = terms.filter(ready_at__gte=since, ready_at__lt=until).exclude(currency="").order_by()
    return Figures(
        members=terms.running(at=until).values("customer").distinct().count(),
        new=terms.filter(starts_at__gte=since, starts_at__lt=until, renews=False).count(),
        ended=over.count(),
        renewed=over.filter(Exists(followed)).count(),
        income=dict(sold.values_list("currency").annotate(sum=Sum("paid_minor")).filter(sum__gt=0)),
    )
