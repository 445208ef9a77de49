"""What waits for one person from an earlier programme: taking it out, and forgetting it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from loyalty.models import BalanceLine
from loyalty.services.balances import FORGOTTEN
from retention.models import Customer

State = BalanceLine.State


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what a customer was given, and what waits for their number or proven address."""
    theirs = Q(customer=customer) | Q(customer__absorbed_into=customer)
    mine = theirs | (_waiting(customer) if customer.address_proven_at or not customer.user_id else Q())
    rows = BalanceLine.objects.filter(mine, ~Q(state=State.LOOKED)) if mine else BalanceLine.objects.none()
    return {"balances": list(rows.order_by("pk").values("source", "points", "expires_at", "state", "changed_at"))}


def erase(customer: Customer, at: datetime) -> None:
    """Forget whose the points were: what waits is not given any more."""
    about = _waiting(customer)
    BalanceLine.objects.filter(about, state=State.LOOKED).delete()
    BalanceLine.objects.filter(about, state=State.WAITING).update(
        state=State.REFUSED, reason=FORGOTTEN, address="", number="", changed_at=at
    )


def _waiting(customer: Customer) -> Q:
    """Return which lines name a customer; none where nothing of them is known."""
    about = Q(pk__in=[])
    if customer.address:
        about |= Q(address=customer.address, state__in=(State.LOOKED, State.WAITING))
    if customer.number:
        about |= Q(number=customer.number, state__in=(State.LOOKED, State.WAITING))
    return about
