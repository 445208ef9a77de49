"""One person's paid memberships: taking them out, and forgetting the words about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loyalty.models import PaidMember, PaidTerm
from loyalty.services import paid_terms
from retention.locks import one_at_a_time
from retention.models import Customer

FORGOTTEN = "(erased)"


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what a customer has paid for, or was given."""
    terms = PaidTerm.objects.filter(customer=customer).order_by("pk")
    return {
        "memberships": list(
            terms.values(
                "plan__name", "order", "units", "months", "paid_minor", "currency", "starts_at", "ends_at", "reason",
                "ended_at", "ended_reason",
            )
        )
    }  # fmt: skip


def erase(customer: Customer, at: datetime) -> None:
    """Empty the words that staff wrote; what was paid for stays, and its benefits are called off with the person."""
    with one_at_a_time(paid_terms.LOCK, wait=True):  # what staff are giving just now is emptied, too
        theirs = PaidTerm.objects.filter(customer=customer)
        theirs.exclude(reason="").update(reason=FORGOTTEN)
        theirs.exclude(ended_reason="").update(ended_reason=FORGOTTEN)
        PaidMember.objects.filter(customer=customer).update(due_at=at)


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Hand over what was given to somebody from an import before they opened their account."""
    paid_terms.hand_over(guest, member, at=at)
