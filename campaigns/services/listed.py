"""Which lists a person is on: taking it out, forgetting it, handing a guest's to the member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from campaigns.models import SegmentMember
from retention.models import Customer


def export(customer: Customer) -> Mapping[str, Any]:
    """Return the lists that a customer is on."""
    rows = SegmentMember.objects.filter(customer=customer).order_by("pk")
    return {"lists": list(rows.values("segment__name", "added_at"))}


def erase(customer: Customer, at: datetime) -> None:
    """Take a customer off every list, absorbed guests too."""
    SegmentMember.objects.filter(Q(customer=customer) | Q(customer__absorbed_into=customer)).delete()


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Put the member on the guest's lists."""
    theirs = SegmentMember.objects.filter(customer=guest)
    theirs.exclude(segment__in=SegmentMember.objects.filter(customer=member).values("segment")).update(customer=member)
    theirs.delete()
