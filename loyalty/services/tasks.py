"""Closing a task for staff, once, and what follows from it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from loyalty.locks import hold
from loyalty.models import Claim, Task
from loyalty.services import claims
from loyalty.services.points import Book
from retention.services import facts

State = Task.State


class Closed(Exception):
    """Somebody has closed the task before."""


def close(task: Task, *, state: str, by: str, note: str = "", at: datetime) -> None:
    """Close a task as ``done`` or ``declined``. Points of a claimed reward are spent then, or go back.

    Raises Closed, and has changed nothing then.
    """
    with transaction.atomic():
        # claims come before everything else that is locked
        mine = task.key.removeprefix("claim:") if task.kind == claims.TASKS else ""
        held = hold(Claim.objects.filter(pk=int(mine)).select_related("account", "reward")) if mine else []
        good = Task.objects.filter(pk=task.pk, state=State.OPEN)
        if not good.update(state=state, closed_at=at, by=by[:150], note=note[:200]):
            raise Closed
        for made in held:
            if state == State.DECLINED:
                claims.release([made.pk], reason=Claim.Reason.DECLINED, at=at)
            elif made.state == Claim.State.RESERVED:
                _spend(made, at=at)
    task.refresh_from_db()


def _spend(made: Claim, *, at: datetime) -> None:
    book = Book([made.account.customer_id], at=at)
    happened = claims.spend_now(made, book, at=at)
    made.save(update_fields=["state", "spent", "missing", "committed_at", "lease_until", "postings"])
    book.close()
    facts.publish([happened])
