"""Taking presents back: whether each can still be had, and doing it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Sum

from campaigns.models import Coupon
from campaigns.services import coupons, redemptions
from loyalty.locks import hold
from loyalty.models import Account, Entry, Lot, Present, Task
from loyalty.models.programme import DebtPolicy
from loyalty.services import absences, points
from loyalty.services.points import Kind, Posting

REASON = "the orders that brought it do not count any more"


def answer(entries: Collection[Entry], *, cause: str, at: datetime) -> None:
    """Answer entries of no order with their mirrors, less what has ended unused or was written off; each once.
    Set-wise."""
    lost = absences.written_off({entry.account.customer_id for entry in entries}) if entries else {}
    entries = [entry for entry in entries if not _is_lost(entry, lost)]
    if not entries:
        return
    ended = Lot.objects.filter(entry__in=entries, expired__gt=0).order_by()
    gone = dict(ended.values_list("entry").annotate(n=Sum("expired")))
    keys = [f"reverse:{entry.pk}" for entry in entries]
    known = set(Entry.objects.filter(key__in=keys).values_list("key", flat=True))
    mirrors = [
        Posting(
            key=f"reverse:{entry.pk}",
            customer=entry.account.customer_id,
            points=gone.get(entry.pk, 0) - entry.points,
            kind=Kind.REVERSAL,
            breakdown={"reverses": entry.pk, "cause": cause},
            source=entry.source,
            at=at,
        )
        for entry in entries
    ]
    points.post([one for one in mirrors if one.points and one.key not in known], at=at)


def _is_lost(entry: Entry, lost: Mapping[int, datetime]) -> bool:
    """Whether points of an entry went when those of its owner, who had left the programme, were written off."""
    return absences.is_lost(entry.at, lost.get(entry.account.customer_id))


class Hands:
    """Some presents with all that they gave, locked until the transaction ends: coupons, then tasks, then accounts."""

    def __init__(self, rows: Sequence[Present], *, at: datetime) -> None:
        self.at = at
        self._undone: list[Present] = []
        self._heirs: dict[int | None, list[Coupon]] = defaultdict(list)
        self._coupons = redemptions.lock({row.coupon_id for row in rows if row.coupon_id})
        for coupon in self._coupons.values():
            self._heirs[coupon.replaces_id].append(coupon)
        held = hold(Task.objects.filter(pk__in=[row.task_id for row in rows if row.task_id]))
        self._tasks = {task.pk: task for task in held}
        whose = {row.customer_id for row in rows if row.entry_id}
        accounts = hold(Account.objects.filter(customer__in=whose)) if whose else []
        self._left = {account.customer_id: account.spendable for account in accounts}
        entries = [row.entry_id for row in rows if row.entry_id]
        self._entries = Entry.objects.select_related("account").in_bulk(entries) if entries else {}
        self._lost = absences.written_off(whose) if whose else {}
        ended = Lot.objects.filter(entry__in=entries, expired__gt=0) if entries else Lot.objects.none()
        self._ended = dict(ended.order_by().values_list("entry").annotate(n=Sum("expired")))

    def take(self, row: Present) -> bool:
        """Note that it goes back. Returns whether it does: what was used stays."""
        if not self._can_take(row):
            return False
        row.state, row.undone_at = Present.State.UNDONE, self.at
        self._undone.append(row)
        return True

    def _can_take(self, row: Present) -> bool:
        if row.coupon_id:
            return not any(coupon.used for coupon in self._codes(row.coupon_id))
        if row.task_id:
            return self._tasks[row.task_id].state != Task.State.DONE
        if row.entry_id:
            return self._can_take_points(row)
        return True  # it was not given yet

    def close(self) -> None:
        """Call coupons off, withdraw tasks, answer entries with their mirrors, and write the rows."""
        if not self._undone:
            return
        off = [coupon for row in self._undone if row.coupon_id for coupon in self._codes(row.coupon_id)]
        if off:
            coupons.void(off, reason=REASON, at=self.at)
        tasks = [row.task_id for row in self._undone if row.task_id]
        if tasks:
            Task.objects.filter(pk__in=tasks, state=Task.State.OPEN).update(
                state=Task.State.WITHDRAWN, closed_at=self.at, note=REASON
            )
        mirrors = [self._mirror(row) for row in self._undone if row.entry_id and self._worth(row)]
        if mirrors:
            by_hand = set(Entry.objects.filter(key__in=[one.key for one in mirrors]).values_list("key", flat=True))
            points.post([one for one in mirrors if one.key not in by_hand], at=self.at)
        Present.objects.bulk_create(
            self._undone, update_conflicts=True, unique_fields=["id"], update_fields=["state", "undone_at"]
        )

    def _codes(self, pk: int) -> list[Coupon]:
        """Return a coupon with all that were made in its place."""
        found = [self._coupons[pk]]
        for coupon in found:
            found += self._heirs[coupon.pk]
        return found

    def _can_take_points(self, row: Present) -> bool:
        assert row.entry_id is not None
        if row.debt_policy == DebtPolicy.PENDING or _is_lost(self._entries[row.entry_id], self._lost):
            return False
        if row.debt_policy == DebtPolicy.ZERO:
            worth = self._worth(row)
            if self._left.get(row.customer_id, 0) < worth:
                return False
            self._left[row.customer_id] -= worth
        return True

    def _worth(self, row: Present) -> int:
        """Return how many points go back: what has ended unused is gone already."""
        assert row.entry_id is not None
        return self._entries[row.entry_id].points - int(self._ended.get(row.entry_id, 0))

    def _mirror(self, row: Present) -> Posting:
        return Posting(
            key=f"reverse:{row.entry_id}",
            customer=row.customer_id,
            points=-self._worth(row),
            kind=Kind.REVERSAL,
            breakdown={"reverses": row.entry_id, "cause": "orders do not count"},
            source=self._entries[row.entry_id].source if row.entry_id else "",
            at=self.at,
        )
