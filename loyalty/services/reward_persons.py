"""One person's rewards: taking them out, forgetting the words about them, making two rows one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import Claim, Task
from loyalty.services import claims
from loyalty.services.points import Book
from retention.models import Customer


def export(customer: Customer) -> Mapping[str, Any]:
    """Return what a customer has claimed, and what staff see to for them."""
    tasks = Task.objects.filter(customer=customer).order_by("pk")
    claims = Claim.objects.filter(account__customer=customer).order_by("pk")
    return {
        "rewards": list(
            claims.values(
                "reward__name", "state", "reason", "points", "spent", "coupon__code", "order", "claimed_at",
                "committed_at", "released_at",
            )
        ),
        "tasks": list(tasks.values("what", "state", "made_at", "closed_at", "note")),
    }  # fmt: skip


def erase(customer: Customer, at: datetime) -> None:
    """Give back what is set aside, for nobody comes for it, and empty what staff noted; claims stay, as the ledger
    does."""
    mine = Claim.objects.filter(account__customer=customer, state=Claim.State.RESERVED)
    claims.release(list(mine.values_list("pk", flat=True)), reason=Claim.Reason.GIVEN_UP, at=at)
    Task.objects.filter(customer=customer).exclude(note="").update(note="")


def absorb(guest: Customer, member: Customer, at: datetime) -> None:
    """Let the member have what the other row has claimed, with the points that are set aside for it."""
    with transaction.atomic():
        held = hold(Claim.objects.filter(account__customer=guest).select_related("account"))
        Task.objects.filter(customer=guest).update(customer=member)
        if not held:
            return
        book = Book([guest.pk, member.pk], at=at)
        for one in held:
            if one.state == Claim.State.RESERVED:
                book.let_go(guest.pk, one.points)
                book.take_over(member.pk, one.points)
            # the slots of two rows may be the same; what one person may have is asked of new claims
            one.account, one.slot = book.account(member.pk), None
        Claim.objects.bulk_update(held, ["account", "slot"])
        book.close()
